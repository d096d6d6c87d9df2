"""Runs the lists, and asks the kit about each dump.

    python run.py right                 right engines on all cases: nobody may be accused
    python run.py own [all choices logits]     the 150 mistakes; also: kept (82 more), atlas
    python run.py own --bf16            the engine rounds all activations to bfloat16
    python run.py own --every=6         a sample: each sixth
    python run.py own --out=FILE        keeps the answers, a line for each
    python run.py right --accused=FILE  only those that the answers of FILE accuse
    python run.py tell FILE             tells about kept answers again
    python run.py dump CASE FILE        a dump of the right engine

The kit is asked in one process (score.mjs), so that `npm run build` must have been done.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from engine.arithmetic import Arithmetic
from engine.run import Engine, Options
from frozen import CASES, HERE, lists, run_with
from order import KINDS
from right import BF16, RIGHT
from tell import tell_mistakes, tell_right

FORMATS = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


def write(file, stages, kind="all", form="f32"):
    """Writes the stages of one kind of dump. Choices are whole numbers in each format."""
    picked = {
        name: (x.to(FORMATS[form]) if x.is_floating_point() else x.int()).contiguous()
        for name, x in stages.items()
        if KINDS[kind](name)
    }
    save_file(picked, file)


def asked(folder, jobs, keep):
    """What the kit says about each job, in their order; also in a file that is to be kept."""
    (folder / "jobs.json").write_text(json.dumps(jobs))
    answers = keep or folder / "answers.jsonl"
    subprocess.run(["node", HERE / "score.mjs", folder / "jobs.json", answers], check=True)
    return [json.loads(line) for line in answers.read_text().splitlines()]


def accused(file):
    """The right engines that kept answers accuse, each with its case."""
    answers = [json.loads(line) for line in Path(file).read_text().splitlines()]
    return {(answer["id"], answer["case"]) for answer in answers if answer["status"] == "wrong"}


def right_jobs(folder, every, only):
    for case in sorted(path.name for path in CASES.iterdir())[::every]:
        for name, (arithmetic, expanded, steps, form, kind) in RIGHT.items():
            if only is not None and (name, case) not in only:
                continue
            if case == "long-520" and arithmetic.sums == "one-by-one":
                continue  # a minute of loops for what the other cases tell as well
            file = folder / f"{case} {name}.safetensors"
            engine = Engine(CASES / case, Options(arithmetic, expanded=expanded, steps=steps))
            write(file, engine.run(), form=form)
            for replay in (False, True):
                yield {"id": name, "case": case, "file": str(file), "class": kind, "replay": replay}


def mistake_jobs(folder, listed, kinds, bf16, every):
    seen = {entry["id"]: entry for entry in json.loads((HERE / "frozen.json").read_text())["mistakes"]}
    those = [(mistake, scope) for name, mistake, scope in lists() if name == listed]
    for mistake, scope in those[::every]:
        stages = run_with(mistake, scope, BF16 if bf16 else None)
        for kind in kinds:
            if kind not in seen[mistake.id]["seen"]:
                continue
            file = folder / f"{mistake.id} {kind}.safetensors".replace("/", "_")
            write(file, stages, kind, "bf16" if bf16 else "f32")
            yield {
                "id": mistake.id, "case": mistake.case, "file": str(file),
                "kind": kind, "class": "bf16" if bf16 else None, "explain": True,
            }


def main(what, *rest):
    torch.set_num_threads(1)
    if what == "dump":
        write(rest[1], Engine(CASES / rest[0], Options(Arithmetic())).run())
        return 0
    if what == "tell":
        return tell_mistakes([json.loads(line) for line in Path(rest[0]).read_text().splitlines()])
    every = next((int(word.removeprefix("--every=")) for word in rest if word.startswith("--every=")), 1)
    only = next((accused(word.removeprefix("--accused=")) for word in rest if word.startswith("--accused=")), None)
    keep = next((Path(word.removeprefix("--out=")) for word in rest if word.startswith("--out=")), None)
    kinds = [word for word in rest if word in KINDS] or list(KINDS)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if what == "right":
            jobs = list(right_jobs(folder, every, only))
        else:
            listed = {"own": "own", "kept": "kept back", "atlas": "atlas"}[what]
            jobs = list(mistake_jobs(folder, listed, kinds, "--bf16" in rest, every))
        answers = asked(folder, jobs, keep)
    return (tell_right if what == "right" else tell_mistakes)(answers)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
