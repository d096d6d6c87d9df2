"""Asks glm52.ts what a dump looks like, where Node and the package are there."""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from .files import Stored, write_tensors

PATIENCE = 120  # seconds; a diagnosis takes a few


def explain(dump, case, engine_class):
    """What `npx glm52 golden diagnose` says; without it None. GLM52_COMMAND may name another command."""
    command = shlex.split(os.environ.get("GLM52_COMMAND", ""))
    if not command:
        if shutil.which("npx") is None:
            return None
        command = ["npx", "--no-install", "glm52"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "dump.safetensors"
        write_tensors(file, {name: _plain(x) for name, x in dump.items()})
        words = ["golden", "diagnose", str(file), "--case", str(case.folder), "--class", engine_class]
        try:
            said = subprocess.run([*command, *words], capture_output=True, text=True, timeout=PATIENCE, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
    # 3 says that something is wrong, and 0 that nothing is; anything else is no diagnosis.
    return said.stdout.strip() if said.returncode in (0, 3) and said.stdout else None


def _plain(x):
    array = x.data if isinstance(x, Stored) else np.asarray(x)
    return array.astype("<i4" if array.dtype.kind in "iu" else array.dtype.newbyteorder("<"))
