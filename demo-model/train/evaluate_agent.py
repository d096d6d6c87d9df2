"""Measures what carries the calls of tools: the indexer's choice of rows, or the last rows alone.

    node dist/tools/agent/write-rows.js --stories FILE --out WORK --name far-held --tokens 3e5 --seed 4 \
      --far --longest 2040 --held-out
    python demo-model/train/evaluate_agent.py demo-model --work WORK

In the rows of `far`, a word or a number stands about a thousand tokens before the call that needs it. Counted are
the calls of which every token is the likeliest one. What a model does in whole dialogues says
`glm52 eval --suite agent`.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

import export
from agent import Dialogues
from evaluate import RULES
from model import Attention, Model, Shape
from train import SEED


@torch.no_grad()
def exact_calls(model: Model, rows: Dialogues, marks: tuple[int, int], count: int, mode: str) -> tuple[int, int]:
    """The numbers of right calls and of calls in the first `count` dialogues. A call goes from `<tool_call>` to its end."""
    right = asked = 0
    for lo, hi in zip(rows.starts[:count], rows.starts[1 : count + 1]):
        ids, weight = rows.ids[lo:hi], rows.weights[lo:hi]
        h = model(torch.from_numpy(ids)[None, :-1], mode)[0][0]
        wrong = model.lm_head(h).argmax(-1).numpy() != ids[1:]
        for begin in np.flatnonzero((ids == marks[0]) & (weight > 0)):
            end = begin + int(np.flatnonzero(ids[begin:] == marks[1])[0])
            asked, right = asked + 1, right + int(not wrong[begin : end].any())
    return right, asked


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", type=Path)
    p.add_argument("--work", type=Path, required=True, help="folder with the rows")
    p.add_argument("--rows", nargs="+", default=["held", "far-held"])
    p.add_argument("--count", type=int, default=100, help="dialogues of each kind")
    args = p.parse_args()
    model = Model(Shape(), SEED).eval()
    with torch.no_grad():
        export.read_weights(model, args.model / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    marks = (tokenizer.token_to_id("<tool_call>"), tokenizer.token_to_id("</tool_call>"))
    for name in args.rows:
        for rule in ("dense", "indexer", "recent"):
            mode, Attention.ranking = RULES[rule][0], staticmethod(RULES[rule][1])
            right, asked = exact_calls(model, Dialogues(args.work, name), marks, args.count, mode)
            print(json.dumps({"rows": name, "rule": rule, "right": right, "calls": asked, "share": round(right / asked, 4)}), flush=True)


if __name__ == "__main__":
    main()
