"""Reads the golden pack with nothing but Python: lists a case, or judges your numbers by it.

    python3 read.py ../cases/clear-mtp                     lists stages, and the classes it is certified for
    python3 read.py ../cases/clear-mtp mine.safetensors    compares each stage that both files have
    python3 read.py ../cases/clear-mtp mine.safetensors f16-cache

Exit code 3 when a stage is further off than the case's envelope allows, or a choice differs.
"""

import json
import math
import struct
import sys
from pathlib import Path

FORMATS = {"F64": "d", "F32": "f", "F16": "e", "I32": "i", "I64": "q"}


def read_safetensors(path):
    """Name to (shape, numbers), in the order of the file."""
    data = Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__":
            first, last = (8 + length + at for at in entry["data_offsets"])
            numbers = struct.iter_unpack("<" + FORMATS[entry["dtype"]], data[first:last])
            tensors[name] = (entry["shape"], [x for (x,) in numbers])
    return tensors


def verdict(name, got, want, allowed):
    """Choices must be equal as sets, row by row; numbers within the envelope."""
    shape, right = want
    if len(got) != len(right):
        return f"expected {len(right)} numbers of shape {shape}, got {len(got)}"
    if isinstance(right[0], int):
        rows = [slice(at, at + shape[-1]) for at in range(0, len(right), shape[-1])]
        other = [t for t, row in enumerate(rows) if set(got[row]) != set(right[row])]
        return f"row {other[0]} chooses otherwise, {len(other)} rows in all" if other else None
    scores = [(g, w) for g, w in zip(got, right) if math.isfinite(w)]
    error = max((abs(g - w) if math.isfinite(g) else math.inf for g, w in scores), default=0)
    share = error / (max((abs(w) for _, w in scores), default=0) or 1)
    return f"off by {share:.2g}, allowed {allowed:.2g}" if share > allowed else None


def main(case, mine=None, kind="f32"):
    case, envelope = Path(case), json.loads((Path(case) / "envelope.json").read_text())
    expected = read_safetensors(case / "f64.safetensors")
    if mine is None:
        print("certified for", ", ".join(envelope["certified"]))
        for name, (shape, numbers) in expected.items():
            print(name, "integers" if isinstance(numbers[0], int) else "floats", shape)
        return 0
    dump, wrong = read_safetensors(mine), 0
    for name in (name for name in expected if name in dump):
        bounds = envelope["stages"].get(name, {kind: [0, 0]})
        why = verdict(name, dump[name][1], expected[name], envelope["room"] * bounds[kind][1])
        wrong += why is not None
        print(f"{name}: {why or 'ok'}")
    return 3 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
