"""Trains the dense twin of the demo model: the same training, but attention always sees every row.

    python demo-model/train/dense_twin.py --work FOLDER [--log demo-model/training-log.jsonl]

It repeats what train.py did to the main weights, according to the log of that run: the same first weights,
the same stories in the same order, and the same row lengths, learning rates and router steps by token count.
Stage B, which trains only indexers, is skipped (its tokens are drawn but not used). Stage C attends to all
rows. So the only difference between the two models is sparse attention. FOLDER has `data` of train.py. The
state is saved in `dense.pt`, and the same command continues from it. A `checkpoint.pt` of stage A may be
copied there first, because both runs are the same until its end.
"""

import argparse
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import torch

import export
from model import Model, Shape, training_losses
from train import LONG_FROM, MTP_WEIGHT, SEED, Data, Valid, balance, optimizers

TOKENS_PER_STEP = 2048


class Schedule:
    """Learning rate, row length and router step by token count, from the log of the sparse run."""

    def __init__(self, log: Path):
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        lines = [line for line in lines if line["stage"] in "ABC"]
        self.end = max(line["tokens"] for line in lines)
        minutes = next(line["minutes"] for line in lines if line["kind"] == "last_step")
        self.frozen = tuple(next(n["tokens"] for n in lines if n["kind"] == "stage" and n["stage"] == s) for s in "BC")
        moving = [line for line in lines if line["kind"] == "train" and line["stage"] != "B"]
        at, rate = [line["tokens"] for line in moving], [line["lr"] for line in moving]
        self.at, self.rate = [0, *at, self.end], [0.0, *rate, 0.0]
        passed = ([line["minutes"] / minutes for line in lines], [line["tokens"] for line in lines])
        self.quick_until, self.long_from = np.interp([0.05, LONG_FROM], *passed)

    def lr(self, tokens: int) -> float:
        return float(np.interp(tokens, self.at, self.rate))

    def length(self, tokens: int) -> int:
        return 256 if tokens < self.long_from else 512

    def router(self, tokens: int) -> float:
        return 3e-3 if tokens < self.quick_until else 1e-3 if tokens < self.frozen[0] else 3e-4


class Twin:
    def __init__(self, args: argparse.Namespace):
        self.work, self.schedule = args.work, Schedule(args.log)
        torch.manual_seed(SEED)
        self.data, self.valid = Data(args.work / "data"), Valid(args.work / "data")
        self.model = Model(Shape(), SEED)
        self.opt, _ = optimizers(self.model)
        self.tokens, self.minutes, self.stop = 0, 0.0, False
        own, shared = args.work / "dense.pt", args.work / "checkpoint.pt"
        if own.exists() or shared.exists():
            self.load(own if own.exists() else shared)
        self.step = torch.compile(training_losses, dynamic=False)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: setattr(self, "stop", True))

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=False)
        if "counters" in state:
            _, state["tokens"], stage, *_ = state["counters"]
            if stage != "A":
                raise SystemExit(f"{path} is of stage {stage}; only stage A is common to both models")
        self.model.load_state_dict(state["model"])
        self.opt.load_state_dict(state["main_opt"])
        self.data.restore(state["epoch"], state["pos"])
        self.tokens, self.minutes = state["tokens"], state.get("minutes", 0.0)

    def save(self) -> None:
        state = {"model": self.model.state_dict(), "main_opt": self.opt.state_dict(), "epoch": self.data.epoch}
        state |= {"pos": self.data.pos, "tokens": self.tokens, "minutes": self.minutes}
        torch.save(state, self.work / "dense.tmp")
        os.replace(self.work / "dense.tmp", self.work / "dense.pt")

    def log(self, kind: str, **values) -> None:
        line = {"kind": kind, "minutes": round(self.minutes, 2), "tokens": self.tokens, **values}
        with open(self.work / "dense.jsonl", "a") as f:
            f.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)

    def measure(self, rows: int, autocast: bool) -> dict:
        cast = lambda: torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast)
        return self.valid.measure(self.model, rows, 512, False, cast)

    def train_step(self) -> float:
        length = self.schedule.length(self.tokens)
        x = self.data.batch(TOKENS_PER_STEP // length, length)
        for group in self.opt.param_groups:
            group["lr"] = self.schedule.lr(self.tokens)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            lm, mtp, _, loads = self.step(self.model, x, "dense")
        (lm + MTP_WEIGHT * mtp).backward()
        torch.nn.utils.clip_grad_norm_(self.model.main_parameters(), 1.0)
        self.opt.step()
        self.opt.zero_grad()
        balance(self.model, loads, self.schedule.router(self.tokens))
        self.tokens += TOKENS_PER_STEP
        return lm.item()

    def pass_over(self) -> None:
        """Draws the tokens that stage B drew, so that stage C sees the same stories."""
        while self.tokens < self.schedule.frozen[1]:
            self.data.batch(2 * TOKENS_PER_STEP // 512, 512)
            self.tokens += 2 * TOKENS_PER_STEP

    def run(self) -> None:
        before, spent, losses = time.time(), self.minutes, []
        logged = evaluated = saved = before
        while self.tokens < self.schedule.end and not self.stop:
            if self.schedule.frozen[0] <= self.tokens < self.schedule.frozen[1]:
                self.pass_over()
            losses.append(self.train_step())
            now = time.time()
            self.minutes = spent + (now - before) / 60
            if now - logged > 60:
                self.log("train", loss=round(sum(losses) / len(losses), 4), lr=round(self.schedule.lr(self.tokens), 7))
                logged, losses = now, []
            if now - evaluated > 300:
                self.log("eval", valid=self.measure(32, True))
                evaluated = now
            if now - saved > 150:
                self.save()
                saved = now
        self.save()
        if not self.stop:
            self.finish()

    def finish(self) -> None:
        export.export(self.model, self.work / "data", self.work / "dense")
        export.read_weights(self.model, self.work / "dense" / "model.safetensors")  # rounded to bf16, as shipped
        self.log("final", valid=self.measure(len(self.valid.rows), False))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", type=Path, required=True)
    root = Path(__file__).resolve().parents[2]
    p.add_argument("--log", type=Path, default=root / "demo-model" / "training-log.jsonl")
    p.add_argument("--threads", type=int, default=2)
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(args.work / "inductor"))
    Twin(args).run()


if __name__ == "__main__":
    main()
