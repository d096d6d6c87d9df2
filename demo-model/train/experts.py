"""Shows which tokens the experts are chosen for, in some layers, for the most selective experts.

    python demo-model/train/experts.py demo-model --work FOLDER

It counts, on held-out stories, at which share of a token's occurrences an expert is chosen. The table shows
the experts of a layer whose choice depends most on the token (by mutual information), their load compared
with the mean, and the tokens that add most to the information.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

import export
from model import Model, Shape
from train import SEED, Valid

LAYERS, EXPERTS, TOKENS, SEEN = (1, 4, 7), 3, 8, 30


def counts(model: Model, rows: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """How often each expert is chosen at each token [layer, expert, vocab], and how often each token occurs."""
    s = model.s
    blocks = list(model.moe_blocks())
    chosen: list[torch.Tensor] = []

    def hook(block, args, _out):
        score = torch.sigmoid(torch.nn.functional.linear(args[0].float(), block.gate.weight))
        chosen.append((score + block.bias).topk(s.active, -1).indices)

    handles = [block.register_forward_hook(hook) for block in blocks]
    hits = np.zeros((s.layers, s.experts, s.vocab))
    seen = np.zeros(s.vocab)
    first = s.layers - (len(blocks) - 1)  # the last block is that of the MTP layer
    for row in rows:
        chosen.clear()
        with torch.no_grad():
            model(row[None], "sparse")
        ids = row.numpy()
        np.add.at(seen, ids, 1)
        for layer, best in enumerate(chosen[: len(blocks) - 1], first):
            np.add.at(hits[layer], (best[0].numpy(), ids[:, None]), 1)
    for handle in handles:
        handle.remove()
    return hits, seen


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", type=Path)
    p.add_argument("--work", type=Path, required=True, help="folder of train.py's run")
    args = p.parse_args()
    model = Model(Shape(), SEED).eval()
    export.read_weights(model, args.model / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    hits, seen = counts(model, Valid(args.work / "data").rows[:, :512])
    print("| layer | expert | load | chosen at, in % of the occurrences |\n|---:|---:|---:|---|")
    for layer in LAYERS:
        share = hits[layer].sum(1) / seen.sum()
        rate = hits[layer] / np.maximum(seen, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            on = np.where(rate > 0, rate * np.log(rate / share[:, None]), 0)
            off = np.where(rate < 1, (1 - rate) * np.log((1 - rate) / (1 - share[:, None])), 0)
        information = ((on + off) * seen).sum(1) / seen.sum()
        for expert in np.argsort(-information)[:EXPERTS]:
            # Of the frequent tokens, take those that add most to the mutual information.
            gain = np.where((seen >= SEEN) & (rate[expert] > share[expert]), (on + off)[expert] * seen, 0)
            best = [int(i) for i in np.argsort(-gain)[:TOKENS]]
            names = [tokenizer.id_to_token(i).replace("|", "\\|") for i in best]
            words = [f"`{name}` {100 * rate[expert][i]:.0f}" for name, i in zip(names, best)]
            print(f"| {layer} | {expert} | {share[expert] / share.mean():.2f} | {', '.join(words)} |")


if __name__ == "__main__":
    main()
