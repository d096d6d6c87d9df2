"""Teaches the demo model to call tools: stage E, which goes on from the shipped weights.

    python demo-model/train/agent.py --work WORK --from demo-model --until 15:20

README.md says how its rows are written: dialogues (tools/agent), stories, and the recall of stage D. `WORK/long.pt` holds the state, and
the same command continues from it. `WORK/export` gets the model every ten minutes.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

import export
from long_context import Batches, LongContext, Round, accuracy, crowd, weighted_losses
from model import Model, Shape
from recall import Recall
from tokenizer import encode_corpus
from train import SEED, Data, Valid, optimizers

AGENT_WEIGHT = 2.0  # of a token of a reply, beside 1.0 of a token of a story
# (row length, share of rows that are not stories): what a step draws from
ROWS = ((1024, 0.75),) * 48 + ((2048, 0.8),) * 8 + ((4096, 1.0),)
PLAN = Round(8e-4, 1e-3, 0.0, ((1.0, ROWS),))


class Dialogues:
    """Rows of dialogues, one after the other. A row begins where a dialogue begins."""

    def __init__(self, folder: Path, name: str):
        self.ids = np.fromfile(folder / f"{name}.ids", np.uint16).astype(np.int64)
        self.weights = np.fromfile(folder / f"{name}.weights", np.uint8).astype(np.float32)
        self.starts = np.fromfile(folder / f"{name}.starts", np.uint32).astype(np.int64)
        self.at = 0

    def row(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        lo = self.starts[self.at]
        if lo + length > len(self.ids):
            self.at = 0
            return self.row(length)
        # The dialogue that does not fit any more begins the next row, unless it began this one.
        cut = int(np.searchsorted(self.starts, lo + length, "right")) - 1
        self.at = max(cut, self.at + 1)
        return self.ids[lo : lo + length], self.weights[lo : lo + length]


class AgentBatches(Batches):
    def __init__(self, data: Data, recall: Recall, near: Dialogues, far: Dialogues):
        self.data, self.recall, self.near, self.far = data, recall, near, far

    def special(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        kind = self.recall.rng.random()
        if length > 2048 or kind < 0.1:
            row = self.recall.row(length + 2, *crowd(length))
            return row.ids, row.weight
        if kind < 0.15:
            row = self.recall.copy(length + 2)
            return row.ids, row.weight
        ids, weight = (self.far if length > 1024 and kind < 0.7 else self.near).row(length + 2)
        return ids, weight * AGENT_WEIGHT


@torch.no_grad()
def exact_replies(model: Model, rows: Dialogues, count: int, mode: str, length: int = 1024) -> float:
    """The share of replies of which every token is the likeliest one, that is, which greedy choice would say."""
    right = asked = 0
    for _ in range(count):
        ids, weight = rows.row(length)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            h = model(torch.from_numpy(ids)[None, :-1], mode)[0][0]
            best = model.lm_head(h).argmax(-1).numpy()
        said, wrong = weight[1:] > 0, best != ids[1:]
        border = np.flatnonzero(np.diff(np.concatenate(([False], said))) & said)
        for lo in border:
            hi = lo + int(np.argmin(said[lo:])) if not said[lo:].all() else len(said)
            right, asked = right + int(not wrong[lo:hi].any()), asked + 1
    return right / asked


class Agent(LongContext):
    stage = "E"

    def __init__(self, args: argparse.Namespace):
        self.args, self.work, self.round = args, args.work, PLAN
        args.round = 1
        folder = self.work / "data"
        if not (folder / "valid.npz").exists():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "tokenizer.json").write_bytes((args.source / "tokenizer.json").read_bytes())
            (folder / "tokenizer_config.json").write_bytes((args.source / "tokenizer_config.json").read_bytes())
            encode_corpus(folder)
        torch.manual_seed(SEED + 4)
        self.data, self.valid = Data(folder), Valid(folder)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.held_out = np.load(folder / "valid.npz")["ids"].astype(np.int64)
        recall = Recall(self.tokenizer, self.data.batch(2000, 2048).numpy().flatten(), SEED + 5)
        near, far = Dialogues(self.work, "agent"), Dialogues(self.work, "far")
        self.batches = AgentBatches(self.data, recall, near, far)
        self.model = Model(Shape(), SEED)
        self.main_opt, self.index_opt = optimizers(self.model)
        self.step = self.tokens = 0
        self.used = 0.0
        path = self.work / "long.pt"
        if path.exists():
            self.restore(torch.load(path, weights_only=False))
        else:
            with torch.no_grad():
                export.read_weights(self.model, args.source / "model.safetensors")
        self.begin_plan()

    def restore(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.main_opt.load_state_dict(state["main_opt"])
        self.index_opt.load_state_dict(state["index_opt"])
        self.step, self.tokens, self.used = state["counters"]
        self.batches.recall.rng = np.random.default_rng(SEED + 6 + self.step)
        for rows in (self.batches.near, self.batches.far):
            rows.at = int(self.batches.recall.rng.integers(len(rows.starts) // 2))

    def save(self) -> None:
        super().save()
        if time.time() - self.exported > 600:
            export.export(self.model, self.work / "data", self.work / "export")
            self.exported = time.time()

    exported = 0.0
    # The common shapes are compiled, which takes some minutes and then makes a step three times as fast.
    compiled = staticmethod(torch.compile(weighted_losses, dynamic=False))

    def mode(self, part: float, length: int) -> str:
        return "sparse" if length > 1024 else super().mode(part, length)

    def losses(self, x: torch.Tensor, weight: torch.Tensor, mode: str):
        if x.shape[1] > 2050 or self.args.eager:
            return super().losses(x, weight, mode)
        try:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return self.compiled(self.model, x, weight, mode)
        except Exception as error:
            self.args.eager = True
            self.log("eager", reason=repr(error)[:300])
            return super().losses(x, weight, mode)

    def evaluate(self, rows: int = 12) -> None:
        self.model.eval()
        cast = lambda: torch.autocast("cpu", dtype=torch.bfloat16)
        exact = {}
        for name in ("held", "agent"):
            shown = Dialogues(self.work, name)
            shown.at = len(shown.starts) * 2 // 3
            exact[name] = round(exact_replies(self.model, shown, 2 * rows, "sparse"), 3)
        found = {
            f"sparse-{n}": round(accuracy(self.model, self.held_out, self.tokenizer, n, "sparse", max(2, rows * 256 // n)), 3)
            for n in (512, 2048, 4096)
        }
        self.log("eval", exact=exact, recall=found, valid=self.valid.measure(self.model, 32, 512, True, cast))
        self.model.train()


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", type=Path, required=True, help="folder of this run, with the rows")
    p.add_argument("--from", dest="source", type=Path, required=True, help="the model to go on from")
    p.add_argument("--until", required=True, help="HH:MM, local time, end of the last step")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch-tokens", type=int, default=2048)
    p.add_argument("--eager", action="store_true", help="no torch.compile (which needs a C++ compiler)")
    args = p.parse_args()
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(args.work / "inductor"))
    torch.set_num_threads(args.threads)
    Agent(args).run()


if __name__ == "__main__":
    main()
