"""Runs an engine on a case, and judges what it gives."""

import os

import numpy as np

from .case import open_case
from .compare import Report, compare
from .diagnosis import explain
from .files import GoldenError, Stored, read_stored

# Reports of this process, for the pytest plugin.
REPORTS: list[tuple[Report, str | None]] = []


def check_engine(engine, case="clear-bf16", engine_class=None, pack=None):
    """A report on `engine(model_folder, tokens)`, and what it gave."""
    opened = open_case(case, pack)
    dump = as_dump(engine(opened.model, list(opened.tokens)))
    return compare(dump, opened, engine_class), dump, opened


def assert_golden(engine, case="clear-bf16", engine_class=None, pack=None):
    """Raises AssertionError at the first stage that is wrong, with the mistake where it can be told."""
    report, dump, opened = check_engine(engine, case, engine_class, pack)
    wrong = report.first_wrong
    reason = explain(dump, opened, report.engine_class) if wrong else None
    REPORTS.append((report, reason))
    if wrong:
        why = f"\n{reason}" if reason else ""
        raise AssertionError(f"{case}, as an engine of class {report.engine_class}: {wrong.name}: {wrong.sentence}{why}")
    return report


def as_dump(given):
    """A dump from a dictionary of arrays or torch tensors, or from a safetensors file."""
    if isinstance(given, (str, os.PathLike)):
        return read_stored(given)
    if not hasattr(given, "items"):
        raise GoldenError(f"expected a dictionary of stages or the path of a dump, got {type(given).__name__}")
    return {name: _array(x) for name, x in given.items()}


def _array(x):
    """An array; tensors of torch are known by their methods, so that torch is not needed here."""
    if not hasattr(x, "detach"):
        return np.asarray(x)
    x = x.detach().cpu()
    if str(x.dtype) == "torch.bfloat16":
        return Stored(x.float().numpy(), "BF16")
    return x.numpy()
