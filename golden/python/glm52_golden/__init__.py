"""Checks an engine for GLM-5.2 against the golden pack, stage by stage."""

from .case import Case, find_pack, open_case
from .compare import Report, Stage, compare
from .diagnosis import explain
from .engine import assert_golden, check_engine
from .files import GoldenError, read_tensors, write_tensors

__all__ = [
    "Case",
    "GoldenError",
    "Report",
    "Stage",
    "assert_golden",
    "check_engine",
    "compare",
    "explain",
    "find_pack",
    "open_case",
    "read_tensors",
    "write_tensors",
]
