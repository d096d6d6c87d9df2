"""Compares `glm52 tokenize` with the Rust library `tokenizers`, on more texts than a test has time for.

    python tools/golden/oracle/check_tokenizer.py TOKENIZER_DIR [--corpus FOLDER ...] [--fuzz 100000] [--code-points]

Texts go to `glm52 tokenize --batch --json` on stdin. Prints how many texts were compared, and the texts that
differ. The exit code is 1 if any text differs. Characters that this Python's Unicode tables do not know are
left out, because two libraries with different Unicode versions may cut them differently.
"""

import argparse
import json
import random
import subprocess
import sys
import unicodedata
from pathlib import Path

from tokenizers import Tokenizer

BATCH = 20_000
SCRIPTS = [(0x20, 0x7F), (0xA0, 0x250), (0x370, 0x530), (0x590, 0x780), (0x900, 0xE80), (0x1100, 0x1200)]
SCRIPTS += [(0x3040, 0x3100), (0x4E00, 0x9FFF), (0xAC00, 0xD7A4), (0x1F300, 0x1F700), (0x2000, 0x2070)]
PARTS = ["'s", "'LL", "’t", " ", "  ", "\n", "\r\n", "\t", "\u3000", "\u00a0", "\ufeff", "0", "12", "1234567", "½"]
PARTS += ["👨‍👩‍👧‍👦", "🇫🇷", "e\u0301", "...", "?!", "</", "don't", "Ünï", "王", " 王", "x1y2", "\u200d", "\ufffd", "\x00"]
CONTEXTS = ["X", "aXb", " X", "  X ", "1X1", "X'd", "!X!", "\nX\n"]


def is_known(text: str) -> bool:
    return all(unicodedata.category(c) != "Cn" for c in text)


def fuzz(count: int, controls: list[str]):
    rng = random.Random(52)
    made = 0
    while made < count:
        parts = []
        for _ in range(rng.randint(1, 24)):
            kind = rng.random()
            if kind < 0.45:
                low, high = rng.choice(SCRIPTS)
                parts.append("".join(chr(rng.randrange(low, high)) for _ in range(rng.randint(1, 5))))
            elif kind < 0.9:
                parts.append(rng.choice(PARTS))
            else:
                token = rng.choice(controls)
                parts.append(token if rng.random() < 0.7 else token[: rng.randrange(len(token))])
        text = "".join(parts)
        if is_known(text):
            made += 1
            yield text


def code_points():
    for c in range(0x110000):
        if 0xD800 <= c < 0xE000 or not is_known(chr(c)):
            continue
        yield "".join(context.replace("X", chr(c)) + "\x01" for context in CONTEXTS)


def corpus(folders: list[Path]):
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if not file.is_file():
                continue
            text = file.read_text(encoding="utf-8")
            if file.suffix == ".jsonl":
                yield from (json.loads(line)["text"] for line in text.split("\n") if line)
            else:
                yield text


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("tokenizer", type=Path)
    p.add_argument("--corpus", type=Path, nargs="*", default=[])
    p.add_argument("--fuzz", type=int, default=100_000)
    p.add_argument("--code-points", action="store_true")
    args = p.parse_args()
    rust = Tokenizer.from_file(str(args.tokenizer / "tokenizer.json"))
    controls = [t.content for t in rust.get_added_tokens_decoder().values()]
    command = ["npx", "glm52", "tokenize", "--batch", "--json", "--tokenizer", str(args.tokenizer)]
    total = wrong = size = 0

    def compare(texts: list[str]) -> None:
        nonlocal total, wrong, size
        done = subprocess.run(command, input=json.dumps(texts).encode(), stdout=subprocess.PIPE, check=True)
        ours = json.loads(done.stdout)
        for text, mine, theirs in zip(texts, ours, rust.encode_batch(texts, add_special_tokens=False), strict=True):
            total, size = total + 1, size + len(text.encode())
            if mine["ids"] != theirs.ids:
                wrong += 1
                if wrong <= 20:
                    print("differs:", json.dumps(text[:200]), mine["ids"][:20], theirs.ids[:20])

    sources = [fuzz(args.fuzz, controls), corpus(args.corpus)]
    if args.code_points:
        sources.append(code_points())
    batch: list[str] = []
    weight = 0
    for source in sources:
        for text in source:
            batch.append(text)
            weight += len(text)
            if len(batch) == BATCH or weight > 4_000_000:
                compare(batch)
                batch, weight = [], 0
    if batch:
        compare(batch)
    print(f"{total} texts, {size / 1e6:.1f} MB, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
