"""Continues the training of a checkpoint with longer rows, and with rows that need recall.

    python demo-model/train/long_context.py --work FOLDER --until 07:30

FOLDER has `checkpoint.pt` and `data` of train.py. The state is saved in `long.pt`, every 150 seconds and on
SIGTERM; the same command continues from it, and `--round 2` begins the next entry of ROUNDS. Some of the
rows are stories; the others are those of recall.py. At first the attention is dense, and the indexers learn
to predict it. Then it is sparse, except in every fourth step, which shows the indexers the rows that they
have missed.
"""

import argparse
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from chat_rows import ChatRows
from model import Model, Shape, indexer_loss
from recall import Recall
from train import SEED, Data, Valid, balance, next_time, optimizers, rounded


@dataclass(frozen=True)
class Round:
    """The plan of a round. `rows` says, for parts of the plan, from which pairs (row length, share of
    rows that are not stories) a step draws one."""

    peak: float
    peak_indexer: float
    sparse_from: float
    rows: tuple[tuple[float, tuple[tuple[int, float], ...]], ...]

    def draw(self, part: float, rng: np.random.Generator) -> tuple[int, float]:
        choices = next(c for until, c in self.rows if part < until)
        return choices[int(rng.integers(len(choices)))]


GROWING = tuple((until, ((n, 0.5),)) for until, n in ((0.15, 256), (0.28, 512), (0.55, 1024), (1.0, 2048)))
MIXED = ((512, 0.25),) * 5 + ((2048, 0.7), (4096, 0.7))
ROUNDS = {
    1: Round(8e-4, 1e-3, 0.45, GROWING),
    2: Round(6e-4, 1e-3, 0.0, ((1.0, MIXED),)),
}


def crowd(length: int) -> tuple[int, int]:
    """The numbers of facts and questions in a row."""
    return min(4 + length // 256, 12), min(4 + length // 128, 16)


class Batches:
    def __init__(self, data: Data, recall: Recall, chat: ChatRows):
        self.data, self.recall, self.chat = data, recall, chat

    def next(self, tokens: int, length: int, share: float) -> tuple[torch.Tensor, torch.Tensor]:
        """The ids [B, length + 2] and their loss weights; `share` of the rows are not stories."""
        n = max(1, tokens // length)
        rng = self.recall.rng
        special = int(n * share + rng.random())
        made = []
        for _ in range(special):
            made.append(self.special(length))
        ids = [torch.from_numpy(i.astype(np.int64)) for i, _ in made]
        weight = [torch.from_numpy(w) for _, w in made]
        if n > special:
            plain = self.data.batch(n - special, length)
            ids += list(plain)
            weight += [torch.ones(length + 2)] * (n - special)
        return torch.stack(ids), torch.stack(weight)

    def special(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """A row that is not a story."""
        kind = self.recall.rng.random()
        if kind < 0.25:
            return self.chat.row(length + 2)
        row = self.recall.copy(length + 2) if kind < 0.4 else self.recall.row(length + 2, *crowd(length))
        return row.ids, row.weight


def weighted(model: Model, h: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    nll = F.cross_entropy(model.lm_head(h).flatten(0, 1).float(), target.flatten(), reduction="none")
    return (nll * weight.flatten()).sum() / weight.sum()


def weighted_losses(model: Model, x: torch.Tensor, weight: torch.Tensor, mode: str):
    """x [B,T+2] and its loss weights -> next-token loss, MTP loss, indexer losses, expert loads."""
    h, z, trace = model(x[:, :-2], mode, x[:, 1:-1])
    lm = weighted(model, h, x[:, 1:-1], weight[:, 1:-1])
    mtp = weighted(model, z, x[:, 2:], weight[:, 2:].clamp(max=1.0))
    return lm, mtp, indexer_loss(model.s, trace, mode == "sparse"), torch.stack(trace.load)


@torch.no_grad()
def accuracy(model: Model, stories: np.ndarray, tokenizer: Tokenizer, length: int, mode: str, rows: int) -> float:
    """The share of exact answers, on rows from a seed that training never uses."""
    recall = Recall(tokenizer, stories, 1000 + length)
    right = asked = 0
    for _ in range(rows):
        row = recall.row(length, *crowd(length), fact_zone=0.3)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            h = model(torch.from_numpy(row.ids.astype(np.int64))[None], mode)[0][0]
            best = model.lm_head(h[row.answers - 1]).argmax(-1).numpy()
        right += int((best == row.ids[row.answers]).sum())
        asked += len(row.answers)
    return right / asked


class LongContext:
    stage = "D"

    def __init__(self, args: argparse.Namespace):
        self.args, self.work, self.round = args, args.work, ROUNDS[args.round]
        folder = self.work / "data"
        torch.manual_seed(SEED + 1)
        self.data, self.valid = Data(folder), Valid(folder)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.held_out = np.load(folder / "valid.npz")["ids"].astype(np.int64)
        rows = self.data.batch(2000, 2048).numpy()
        recall = Recall(self.tokenizer, rows.flatten(), SEED + 2)
        border = self.tokenizer.token_to_id("<|endoftext|>")
        whole = [part[1:] for row in rows for part in np.split(row, np.flatnonzero(row == border))[1:-1]]
        self.batches = Batches(self.data, recall, ChatRows(self.tokenizer, whole, recall.rng))
        self.model = Model(Shape(), SEED)
        self.main_opt, self.index_opt = optimizers(self.model)
        self.step = self.tokens = 0
        self.used = 0.0  # how many seconds of the plan were used, over all runs
        path = self.work / "long.pt"
        source = path if path.exists() else self.work / "checkpoint.pt"
        state = torch.load(source, weights_only=False)
        self.model.load_state_dict(state["model"])
        self.main_opt.load_state_dict(state["main_opt"])
        self.index_opt.load_state_dict(state["index_opt"])
        if source == path:
            self.step, self.tokens, self.used = state["counters"]
            if args.round != state.get("round", 1):
                self.used = 0.0
            self.batches.recall.rng = self.batches.chat.rng = np.random.default_rng(SEED + 3 + self.step)
        self.begin_plan()

    def begin_plan(self) -> None:
        self.first_step = self.step
        self.started = time.time()
        self.plan = self.used + next_time(self.args.until) - self.started
        self.stop = False
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: setattr(self, "stop", True))

    def seconds(self) -> float:
        return self.used + time.time() - self.started

    def log(self, kind: str, **values) -> None:
        line = {"kind": kind, "minutes": round(self.seconds() / 60, 2), "stage": self.stage, "round": self.args.round}
        line |= {"step": self.step, "tokens": self.tokens, **values}
        with open(self.work / "long.jsonl", "a") as f:
            f.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "main_opt": self.main_opt.state_dict(),
            "index_opt": self.index_opt.state_dict(),
            "counters": (self.step, self.tokens, self.seconds()),
            "round": self.args.round,
        }
        torch.save(state, self.work / "long.tmp")
        os.replace(self.work / "long.tmp", self.work / "long.pt")

    def train_step(self, part: float) -> dict:
        model = self.model
        left = min(1.0, (self.step + 1 - self.first_step) / 50) * (1 - part)
        for opt, lr in ((self.main_opt, self.round.peak), (self.index_opt, self.round.peak_indexer)):
            for group in opt.param_groups:
                group["lr"] = lr * left
        length, share = self.round.draw(part, self.batches.recall.rng)
        mode = self.mode(part, length)
        x, weight = self.batches.next(self.args.batch_tokens, length, share)
        lm, mtp, kl, load = self.losses(x, weight, mode)
        (lm + 0.1 * mtp + kl.sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.main_parameters(), 1.0)
        torch.nn.utils.clip_grad_norm_(model.indexer_parameters(), 1.0)
        for opt in (self.main_opt, self.index_opt):
            opt.step()
            opt.zero_grad()
        balance(model, load, 3e-4)
        self.step, self.tokens = self.step + 1, self.tokens + x[:, :-2].numel()
        return {"loss": round(lm.item(), 4), "mtp": round(mtp.item(), 4), "kl": rounded(kl), "length": length, "mode": mode}

    def mode(self, part: float, length: int) -> str:
        return "sparse" if part >= self.round.sparse_from and self.step % 4 else "warm"

    def losses(self, x: torch.Tensor, weight: torch.Tensor, mode: str):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return weighted_losses(self.model, x, weight, mode)

    def evaluate(self, rows: int = 12) -> None:
        self.model.eval()
        cast = lambda: torch.autocast("cpu", dtype=torch.bfloat16)
        grid = {
            f"{mode}-{n}": round(accuracy(self.model, self.held_out, self.tokenizer, n, mode, max(2, rows * 256 // n)), 3)
            for mode in ("dense", "sparse")
            for n in (512, 1024, 2048, 4096)
        }
        self.log("eval", recall=grid, valid=self.valid.measure(self.model, 32, 512, True, cast))
        self.model.train()

    def run(self) -> None:
        self.log("start", threads=torch.get_num_threads(), plan_minutes=round(self.plan / 60, 1))
        saved = evaluated = logged = time.time()
        since = (logged, self.tokens)
        while not self.stop and (part := self.seconds() / self.plan) < 1.0:
            info = self.train_step(part)
            now = time.time()
            if now - logged > 20:
                speed = (self.tokens - since[1]) / (now - since[0])
                self.log("train", **info, tokens_per_s=round(speed))
                logged, since = now, (now, self.tokens)
            if now - saved > 150:
                self.save()
                saved = now
            if now - evaluated > 900:
                self.evaluate()
                evaluated = time.time()
        self.save()
        self.log("stopped" if self.stop else "last_step")
        if not self.stop:
            self.evaluate(rows=48)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", type=Path, required=True, help="folder of train.py's run")
    p.add_argument("--until", required=True, help="HH:MM, local time, end of the last step")
    p.add_argument("--round", type=int, default=1, choices=ROUNDS)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch-tokens", type=int, default=2048)
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    LongContext(args).run()


if __name__ == "__main__":
    main()
