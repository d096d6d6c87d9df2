"""Measures the native Rust library, with one thread, on the texts that encode.bench.ts has written.

    GLM52_BENCH_TEXT=FOLDER npm run bench:tokenizer
    python bench/tokenizer/native.py FOLDER
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer  # noqa: E402

folder = Path(sys.argv[1])
texts = json.loads((folder / "texts.json").read_text())


def milliseconds(run) -> float:
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)


def start() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.encode("Hello", add_special_tokens=False)
    return tokenizer


tokenizer = start()


def encode() -> None:
    for text in texts:
        tokenizer.encode(text, add_special_tokens=False)


print(f"start  {min(milliseconds(start) for _ in range(4)):.0f} ms")
print(f"encode {min(milliseconds(encode) for _ in range(4)):.0f} ms")
