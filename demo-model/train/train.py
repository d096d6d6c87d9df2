"""Train the demo model: dense pretraining, indexer warm-up, sparse training. See README.md.

One process runs all three stages on a wall-clock plan and can be stopped and resumed at any time.
"""

import argparse
import json
import os
import signal
import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

import export
from model import Model, Shape, captured_mass, cross_entropy, indexer_loss, training_losses, warmup_losses
from tokenizer import SEPARATOR, encode_corpus, write_tokenizer

SEED = 52
MTP_WEIGHT = 0.25
# The parts of the plan begin at these shares of the whole time.
STAGE_B, STAGE_C = 0.72, 0.80
LONG_FROM = 0.50  # stage A uses rows of 256 tokens before this, and of 512 after it
# The main learning rate is constant until A_DECAY, falls to A_END by the end of A, and falls to 0 in C.
LR, A_DECAY, A_END = 2.5e-3, 0.45, 7e-4
LR_INDEXER_B, LR_INDEXER_C = 2e-3, 1e-3


class Data:
    """The stories as one stream, in another seeded order for each epoch. The position is one number."""

    def __init__(self, folder: Path):
        z = np.load(folder / "train.npz")
        self.ids, self.starts = z["ids"].astype(np.int64), z["starts"]
        self.epoch, self.pos = 0, 0
        self.order()

    def order(self) -> None:
        perm = np.random.default_rng(SEED + self.epoch).permutation(len(self.starts) - 1)
        self.stream = np.concatenate([self.ids[self.starts[i] : self.starts[i + 1]] for i in perm])

    def restore(self, epoch: int, pos: int) -> None:
        self.epoch, self.pos = epoch, pos
        self.order()

    def batch(self, rows: int, length: int) -> torch.Tensor:
        """[rows, length + 2]: inputs, and two more tokens for the next-token and MTP targets."""
        if self.pos + rows * length + 2 > len(self.stream):
            self.restore(self.epoch + 1, 0)
        at = self.pos + np.arange(rows)[:, None] * length + np.arange(length + 2)
        self.pos += rows * length
        return torch.from_numpy(self.stream[at])


class Valid:
    """Rows from valid.txt, with which the loss per token and per byte of story text is measured."""

    def __init__(self, folder: Path):
        z = np.load(folder / "valid.npz")
        tok = Tokenizer.from_file(str(folder / "tokenizer.json"))
        ids = z["ids"].astype(np.int64)
        rows = (len(ids) - 2) // 512
        at = np.arange(rows)[:, None] * 512 + np.arange(514)
        self.rows = torch.from_numpy(ids[at])
        # The separator has no bytes in the text, but its loss counts.
        pieces = [tok.id_to_token(i) or "" for i in range(2048)]
        self.bytes = torch.tensor([0 if p == SEPARATOR else len(p) for p in pieces])

    @torch.no_grad()
    def measure(self, model: Model, rows: int, length: int, sparse: bool, autocast) -> dict:
        model.eval()
        names = ["dense", "sparse"] if sparse else ["dense"]
        out: dict = {"rows": rows, "length": length}
        pick = torch.linspace(0, len(self.rows) - 1, rows).long()
        for mode in names:
            nll = mtp = n_bytes = tokens = 0.0
            for x in self.rows[pick, : length + 2].split(4):
                with autocast():
                    h, z, _ = model(x[:, :-2], mode, x[:, 1:-1])
                    nll += cross_entropy(model, h, x[:, 1:-1]).item() * x[:, 1:-1].numel()
                    mtp += cross_entropy(model, z, x[:, 2:]).item() * x[:, 2:].numel()
                n_bytes += self.bytes[x[:, 1:-1]].sum().item()
                tokens += x[:, 1:-1].numel()
            out[f"{mode}_token"] = round(nll / tokens, 4)
            out[f"{mode}_byte"] = round(nll / n_bytes, 4)
            out[f"{mode}_mtp_token"] = round(mtp / tokens, 4)
        if sparse:
            x = self.rows[pick[:4], : length + 2]
            with autocast():
                _, _, trace = model(x[:, :-2], "warm", x[:, 1:-1])
            out["kl"] = rounded(indexer_loss(model.s, trace, False))
            out["captured"] = {k: round(v, 4) for k, v in captured_mass(model.s, trace).items()}
        model.train()
        return out


def rounded(t: torch.Tensor) -> list[float]:
    return [round(v, 4) for v in t.tolist()]


def stage_of(part: float) -> str:
    return "A" if part < STAGE_B else "B" if part < STAGE_C else "C"


def row_length(part: float) -> int:
    return 256 if part < LONG_FROM else 512


def learning_rates(part: float, step: int, stage_step: int) -> tuple[float, float]:
    """The learning rates (main, indexers) at this part of the plan."""
    stage = stage_of(part)
    if stage == "A":
        down = max(0.0, (part - A_DECAY) / (STAGE_B - A_DECAY))
        return (LR + (A_END - LR) * down) * min(1.0, (step + 1) / 100), 0.0
    if stage == "B":
        return 0.0, LR_INDEXER_B * min(1.0, (stage_step + 1) / 20)
    left = max(0.0, (1 - part) / (1 - STAGE_C))
    return A_END * left, LR_INDEXER_C * left


def optimizers(model: Model):
    """AdamW for the model and for the indexers; weight decay on matrices only."""
    made = []
    for params in (model.main_parameters(), model.indexer_parameters()):
        groups = [
            {"params": [p for p in params if p.dim() > 1], "weight_decay": 0.1},
            {"params": [p for p in params if p.dim() < 2], "weight_decay": 0.0},
        ]
        made.append(torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.95), fused=True))
    return made


def balance(model: Model, load: list[torch.Tensor], rate: float) -> None:
    for moe, counts in zip(model.moe_blocks(), load):
        moe.bias += rate * torch.sign(counts.mean() - counts)


@torch.no_grad()
def write_samples(model: Model, tokenizer: Tokenizer, path: Path, count: int = 10) -> None:
    """Sample texts, not selected by hand, with the sparse attention of the finished model and temperature 0.8."""
    model.eval()
    g = torch.Generator().manual_seed(SEED)
    end = tokenizer.token_to_id(SEPARATOR)
    x = torch.tensor([tokenizer.encode("Once upon a time").ids] * count)
    done = torch.zeros(count, dtype=torch.bool)
    for _ in range(300):
        logits = model.lm_head(model(x, "sparse")[0][:, -1]).float()
        logits[:, 2040:] = float("-inf")
        new = torch.multinomial(torch.softmax(logits / 0.8, -1), 1, generator=g)
        new[done] = end
        x = torch.cat((x, new), 1)
        done |= new[:, 0] == end
        if done.all():
            break
    texts = [tokenizer.decode(row.tolist(), skip_special_tokens=True) for row in x]
    path.write_text("".join(f"--- {i + 1}\n{t}\n\n" for i, t in enumerate(texts)))
    model.train()


def next_time(clock: str) -> float:
    """The next time at which it is HH:MM, local time, in seconds of `time.time()`."""
    end = datetime.combine(datetime.now().date(), datetime.strptime(clock, "%H:%M").time())
    return (end if end > datetime.now() else end + timedelta(days=1)).timestamp()


class Trainer:
    def __init__(self, args: argparse.Namespace):
        self.args, self.work = args, args.work
        self.work.mkdir(parents=True, exist_ok=True)
        data = self.work / "data"
        if not (data / "valid.npz").exists():
            write_tokenizer(data, Shape().max_len)
            encode_corpus(data)
        torch.manual_seed(SEED)
        self.data, self.valid = Data(data), Valid(data)
        self.tokenizer = Tokenizer.from_file(str(data / "tokenizer.json"))
        self.model = Model(Shape(), SEED)
        self.main_opt, self.index_opt = optimizers(self.model)
        self.step = self.tokens = self.stage_step = 0
        self.stage = "A"
        self.start, self.published = time.time(), 0.0
        self.stop = False
        path = self.work / "checkpoint.pt"
        gap = 0.0
        if path.exists():
            gap = self.load(path)
        if args.until:
            self.end = next_time(args.until)
        else:
            self.start += gap  # a pause does not count as time of the plan
            self.end = self.start + 60 * args.minutes
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: setattr(self, "stop", True))

    def autocast(self):
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=not self.args.fp32)

    def log(self, kind: str, **values) -> None:
        line = {"kind": kind, "minutes": round((time.time() - self.start) / 60, 2), "stage": self.stage}
        line |= {"step": self.step, "tokens": self.tokens, "epoch": self.data.epoch, **values}
        with open(self.work / "log.jsonl", "a") as f:
            f.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "main_opt": self.main_opt.state_dict(),
            "index_opt": self.index_opt.state_dict(),
            "rng": torch.get_rng_state(),
            "epoch": self.data.epoch,
            "pos": self.data.pos,
            "counters": (self.step, self.tokens, self.stage, self.stage_step, self.start, self.published),
            "saved": time.time(),
        }
        temp = self.work / "checkpoint.tmp"
        torch.save(state, temp)
        os.replace(temp, self.work / "checkpoint.pt")

    def load(self, path: Path) -> float:
        state = torch.load(path, weights_only=False)
        self.model.load_state_dict(state["model"])
        self.main_opt.load_state_dict(state["main_opt"])
        self.index_opt.load_state_dict(state["index_opt"])
        torch.set_rng_state(state["rng"])
        self.data.restore(state["epoch"], state["pos"])
        self.step, self.tokens, self.stage, self.stage_step, self.start, self.published = state["counters"]
        return time.time() - state["saved"]

    def part(self) -> float:
        return (time.time() - self.start) / (self.end - self.start)

    def export(self, publish: bool) -> None:
        export.export(self.model, self.work / "data", self.work / "export")
        if publish and self.args.publish:
            export.publish(self.work / "export", self.args.publish)
            self.published = time.time()

    def losses(self, fn, *args):
        """Runs fn(model, *args) compiled. If the compiler fails, it runs slower, but it runs."""
        try:
            with self.autocast():
                if self.args.eager:
                    return fn(self.model, *args)
                return torch.compile(fn, dynamic=False)(self.model, *args)
        except Exception as error:
            if self.args.eager:
                raise
            self.args.eager = True
            self.log("eager", reason=repr(error)[:300])
            return self.losses(fn, *args)

    def train_step(self, part: float) -> dict:
        model = self.model
        main_lr, index_lr = learning_rates(part, self.step, self.stage_step)
        for opt, lr in ((self.main_opt, main_lr), (self.index_opt, index_lr)):
            for group in opt.param_groups:
                group["lr"] = lr
        length = row_length(part)
        rows = self.args.batch_tokens // length
        if self.stage == "B":
            rows *= 2  # only the indexers have a backward pass here
        x = self.data.batch(rows, length)
        info: dict = {}
        if self.stage == "B":
            # Only the indexers have gradients here, and their inputs are detached.
            kl, loads = self.losses(warmup_losses, x)
            kl.sum().backward()
            info = {"kl": rounded(kl)}
        else:
            lm, mtp, kl, loads = self.losses(training_losses, x, "dense" if self.stage == "A" else "sparse")
            info = {"loss": lm.item(), "mtp": mtp.item()}
            if self.stage == "C":
                info["kl"] = rounded(kl)
            (lm + MTP_WEIGHT * mtp + kl.sum()).backward()
            torch.nn.utils.clip_grad_norm_(model.main_parameters(), 1.0)
            self.main_opt.step()
            self.main_opt.zero_grad()
            rate = 3e-3 if part < 0.05 else 1e-3 if self.stage == "A" else 3e-4
            balance(model, loads, rate)
        if self.stage != "A":
            torch.nn.utils.clip_grad_norm_(model.indexer_parameters(), 1.0)
            self.index_opt.step()
            self.index_opt.zero_grad()
        info["lr"] = main_lr if self.stage != "B" else index_lr
        info["load"] = loads
        self.step, self.stage_step, self.tokens = self.step + 1, self.stage_step + 1, self.tokens + rows * length
        return info

    def enter(self, stage: str) -> None:
        self.log("eval", valid=self.valid.measure(self.model, 32, 512, True, self.autocast))
        self.stage, self.stage_step = stage, 0
        self.log("stage")
        self.freeze()
        self.save()

    def freeze(self) -> None:
        for p in self.model.main_parameters():
            p.requires_grad_(self.stage != "B")

    def run(self) -> None:
        self.log("start", threads=torch.get_num_threads(), end=datetime.fromtimestamp(self.end).strftime("%H:%M:%S"))
        self.freeze()
        now = time.time()
        saved = evaluated = exported = logged = now
        recent, loads, since = [], None, (now, self.tokens)
        while not self.stop:
            part = self.part()
            if part >= 1.0:
                break
            if stage_of(part) != self.stage:
                self.enter(stage_of(part))
            info = self.train_step(part)
            load = info.pop("load")
            loads = load if loads is None else loads + load
            if "loss" in info:
                recent.append((info["loss"], info["mtp"]))
            now = time.time()
            if now - logged > 20:
                share = loads / loads.mean(1, keepdim=True)
                speed = (self.tokens - since[1]) / (now - since[0])
                if recent:
                    info["loss"], info["mtp"] = (round(sum(v) / len(v), 4) for v in zip(*recent))
                info["lr"] = round(info["lr"], 7)
                self.log(
                    "train",
                    **info,
                    load_max=round(share.max().item(), 2),
                    load_min=round(share.min().item(), 2),
                    tokens_per_s=round(speed),
                )
                recent, loads, logged, since = [], None, now, (now, self.tokens)
            if now - saved > 150:
                self.save()
                saved = now
            if now - evaluated > 300:
                self.log("eval", valid=self.valid.measure(self.model, 32, row_length(part), self.stage != "A", self.autocast))
                evaluated = time.time()
            # The first export is published after six minutes, and later ones every twenty minutes.
            due = now - self.published > 1200 and (self.published or now - self.start > 360)
            if now - exported > 600 or due:
                self.export(publish=bool(due))
                exported = now
        self.save()
        if self.stop:
            self.log("stopped")
            return
        self.finish()

    def finish(self) -> None:
        self.log("last_step")
        self.export(publish=True)
        export.read_weights(self.model, self.work / "export" / "model.safetensors")  # rounded to bf16
        full = lambda: torch.autocast("cpu", enabled=False)
        write_samples(self.model, self.tokenizer, self.work / "samples.txt")
        self.log("final", valid=self.valid.measure(self.model, len(self.valid.rows), 512, True, full))
        lines = (self.work / "log.jsonl").read_text().splitlines()
        thin = thinned(lines)
        (self.work / "training-log.jsonl").write_text(thin)
        if self.args.publish:
            (self.args.publish / "training-log.jsonl").write_text(thin)


def thinned(lines: list[str], limit: int = 55_000) -> str:
    """All lines of the log, except that of the `train` lines only every n-th is kept, to save space."""
    for n in range(1, 1000):
        kept, seen = [], 0
        for line in lines:
            if json.loads(line)["kind"] == "train":
                seen += 1
                if seen % n:
                    continue
            kept.append(line)
        text = "\n".join(kept) + "\n"
        if len(text) < limit:
            return text
    return text


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--work", type=Path, required=True, help="checkpoints, log, encoded data, exports")
    p.add_argument("--publish", type=Path, help="folder that gets copies of the exported model")
    when = p.add_mutually_exclusive_group(required=True)
    when.add_argument("--until", help="HH:MM, local time, end of the last step")
    when.add_argument("--minutes", type=float, help="length of the plan")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch-tokens", type=int, default=2048)
    p.add_argument("--eager", action="store_true", help="no torch.compile (which needs a C++ compiler)")
    p.add_argument("--fp32", action="store_true", help="no bf16 autocast")
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(args.work / "inductor"))  # a resume compiles faster
    Trainer(args).run()


if __name__ == "__main__":
    main()
