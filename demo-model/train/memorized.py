"""Measures how much of a generated text stands word for word in the training text.

    for seed in 0 1 2; do glm52 run "Once upon a time" --temperature 0.8 --seed $seed --json > run-$seed.json; done
    python demo-model/train/memorized.py --work FOLDER run-*.json

For each text, it finds the longest run of tokens that the training text has too. It does the same for as many
held-out stories, cut to the same lengths, because stories have some runs in common anyway. Held-out stories
that begin like the prompt are taken first.
"""

import argparse
import json
from pathlib import Path

import numpy as np

BASE = np.uint64(0x9E3779B97F4A7C15)
LONGEST = 256


def prefixes(ids: np.ndarray) -> np.ndarray:
    """The hashes of all prefixes, modulo 2^64."""
    out = np.zeros(len(ids) + 1, np.uint64)
    h = 0
    for i, x in enumerate(ids.tolist()):
        h = (h * int(BASE) + x + 1) & 0xFFFFFFFFFFFFFFFF
        out[i + 1] = h
    return out


def grams(prefix: np.ndarray, n: int) -> np.ndarray:
    """The hashes of all runs of n tokens."""
    power = np.uint64(pow(int(BASE), n, 2**64))
    with np.errstate(over="ignore"):
        return prefix[n:] - prefix[:-n] * power


class Training:
    def __init__(self, ids: np.ndarray):
        self.prefix = prefixes(ids)
        self.sorted: dict[int, np.ndarray] = {}

    def has(self, text: np.ndarray, n: int) -> bool:
        if n not in self.sorted:
            self.sorted[n] = np.sort(grams(self.prefix, n))
        mine, all_ = grams(text, n), self.sorted[n]
        at = np.minimum(np.searchsorted(all_, mine), len(all_) - 1)
        return bool((all_[at] == mine).any())

    def longest(self, ids: np.ndarray) -> int:
        text = prefixes(ids)
        low, high = 0, min(LONGEST, len(ids))
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.has(text, middle) else (low, middle - 1)
        return low


def summary(runs: list[int]) -> str:
    low, median, high = np.percentile(runs, [0, 50, 100])
    return f"median {median:.0f}, {low:.0f} to {high:.0f}"


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", type=Path, required=True, help="folder of train.py's run")
    p.add_argument("runs", nargs="+", type=Path, help="JSON of glm52 run")
    args = p.parse_args()
    data = args.work / "data"
    training = Training(np.load(data / "train.npz")["ids"].astype(np.int64))
    held_out = np.load(data / "valid.npz")["ids"].astype(np.int64)
    texts = [json.loads(path.read_text()) for path in args.runs]
    ids = [np.array(t["prompt_ids"] + t["ids"]) for t in texts]
    border = ids[0][0]
    starts = np.flatnonzero(held_out == border)
    ends = np.append(starts[1:], len(held_out))
    stories = [held_out[a:b] for a, b in zip(starts, ends)]
    others = []
    prompt = min(len(t["prompt_ids"]) for t in texts)
    alike = [s for s in stories if (s[:prompt] == ids[0][:prompt]).all()] or stories
    for x in ids:
        long_enough = [s for s in alike if len(s) >= len(x)] or [max(alike, key=len)]
        others.append(long_enough[len(others) % len(long_enough)][: len(x)])
    lengths = [len(x) for x in ids]
    print(f"{len(ids)} texts of {min(lengths)} to {max(lengths)} tokens; longest run that the training text has:")
    print(f"  generated: {summary([training.longest(x) for x in ids])}")
    print(f"  held-out stories of the same lengths: {summary([training.longest(x) for x in others])}")


if __name__ == "__main__":
    main()
