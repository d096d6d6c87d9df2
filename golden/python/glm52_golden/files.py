"""Reads and writes safetensors: eight bytes of length, a JSON header, then little-endian numbers."""

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FORMATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I32": "<i4", "I64": "<i8"}
NAMES = {np.dtype(form): name for name, form in FORMATS.items() if name != "BF16"}


class GoldenError(Exception):
    """Something that was given cannot be used. The message tells what, and what was expected."""


@dataclass(frozen=True)
class Stored:
    """A tensor, and the number format that its file has."""

    data: np.ndarray
    form: str


def read_stored(file, wanted=lambda _name: True):
    """Name to Stored, in the order of the file. bfloat16 becomes float32."""
    with Path(file).open("rb") as source:
        size = source.seek(0, 2)
        source.seek(0)
        header, begin = _header(file, source, size)
        tensors = {}
        for name, entry in header.items():
            if name != "__metadata__" and wanted(name):
                tensors[name] = _tensor(f"{file}: {name}", source, begin, size, entry)
    return tensors


def read_tensors(file):
    """Name to NumPy array, in the order of the file. bfloat16 becomes float32."""
    return {name: stored.data for name, stored in read_stored(file).items()}


def _header(file, source, size):
    first = source.read(8)
    length = struct.unpack("<Q", first)[0] if len(first) == 8 else size
    if length > size - 8:
        raise GoldenError(f"{file}: expected a safetensors file, got one whose header is cut off")
    try:
        header = json.loads(source.read(length))
    except ValueError as error:
        raise GoldenError(f"{file}: expected a safetensors file, got a header that is no JSON") from error
    if not isinstance(header, dict):
        raise GoldenError(f"{file}: expected a header with tensors, got {type(header).__name__}")
    return header, 8 + length


def _tensor(where, source, begin, size, entry):
    try:
        form, shape, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (KeyError, TypeError, ValueError) as error:
        raise GoldenError(f"{where}: expected dtype, shape and data_offsets, got {entry}") from error
    if form not in FORMATS:
        raise GoldenError(f"{where}: expected one of {', '.join(FORMATS)}, got {form}")
    if not all(isinstance(n, int) and n >= 0 for n in (*shape, first, last)):
        raise GoldenError(f"{where}: expected whole numbers in shape and data_offsets, got {entry}")
    kind = np.dtype(FORMATS[form])
    if last - first != math.prod(shape) * kind.itemsize or begin + last > size:
        raise GoldenError(f"{where}: {first} to {last} are no bytes for {form} of shape {shape}")
    source.seek(begin + first)
    data = np.frombuffer(source.read(last - first), kind).reshape(shape)
    if form == "BF16":
        data = (data.astype("<u4") << 16).view("<f4")
    return Stored(data, form)


def write_tensors(file, tensors):
    """Writes NumPy arrays of the formats that read_tensors reads."""
    header, parts, at = {}, [], 0
    for name, array in tensors.items():
        array = np.ascontiguousarray(array)
        form = NAMES.get(array.dtype)
        if form is None:
            raise GoldenError(f"{name}: expected floats or whole numbers, got {array.dtype}")
        parts.append(array.tobytes())
        header[name] = {
            "dtype": form,
            "shape": list(array.shape),
            "data_offsets": [at, at + array.nbytes],
        }
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    Path(file).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))
