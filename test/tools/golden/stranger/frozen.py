"""Writes frozen.json: all mistakes, where each begins, and in which dumps it can be seen.

    python frozen.py            writes the file; to be done once, before anything is measured
    python frozen.py --check    tells whether it is still what the sources say

All this comes from this engine alone, run with and without the mistake: the kit has no part in it.
"""

import hashlib
import json
import sys
from pathlib import Path

import torch

from engine.arithmetic import Arithmetic
from engine.run import Engine, Options
from mistakes import OWN
from mistakes.atlas import FORMS
from mistakes.patient import Patient
from order import KINDS, order

HERE = Path(__file__).parent
CASES = HERE.parents[3] / "golden/cases"
ROUNDING = 6e-6  # what two right runs of this engine differ by, at most
LISTED = 150  # the others are kept back, for a last measurement


def run_with(mistake, scope, arithmetic=None):
    """The stages of an engine with a mistake."""
    sums = "blocks" if mistake.expanded else "library"
    options = Options(arithmetic or Arithmetic(sums=sums), expanded=mistake.expanded, steps=mistake.steps)
    engine = Engine(CASES / mistake.case, options)
    mistake.change(Patient(engine, **scope))
    return engine.run()


def differs(right, wrong):
    """How far a stage is off, as a share of its largest number; a choice that differs counts one."""
    if right.shape != wrong.shape:
        return 1.0
    if not right.is_floating_point():
        return float(not torch.equal(right, wrong))
    if not torch.equal(right.isfinite(), wrong.isfinite()):
        return 1.0
    finite = right.isfinite()
    return float((wrong - right)[finite].abs().max() / right[finite].abs().max())


def facts(listed, mistake, scope, right):
    wrong, engine = run_with(mistake, scope), right["engine"]
    names = order(engine.config["num_hidden_layers"], engine.facts["mtpSteps"])
    off = {n: differs(right["stages"][n], wrong[n]) for n in names if n in right["stages"] and n in wrong}
    first = next(name for name, share in off.items() if share > ROUNDING)
    if mistake.stage and first != mistake.stage:
        raise SystemExit(f"{mistake.id} says {mistake.stage}, and begins at {first}")
    seen = [kind for kind, has in KINDS.items() if any(s > 2 * ROUNDING for n, s in off.items() if has(n))]
    return {
        "id": mistake.id, "list": listed, "relation": mistake.relation, "stage": first,
        "sentence": mistake.sentence, "case": mistake.case, "seen": seen,
    }


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()


def lists():
    """`(list, mistake, scope)` of all."""
    ranked = sorted(OWN, key=lambda m: hashed(m.id))
    listed = {m.id for m in ranked[:LISTED]}
    for mistake in OWN:
        yield "own" if mistake.id in listed else "kept back", mistake, {}
    for mistake, scope in FORMS:
        yield "atlas", mistake, scope


def main(arguments):
    right, entries = {}, []
    for listed, mistake, scope in lists():
        if mistake.case not in right:
            engine = Engine(CASES / mistake.case)
            right[mistake.case] = {"engine": engine, "stages": engine.run()}
        entries.append(facts(listed, mistake, scope, right[mistake.case]))
    sources = {str(p.relative_to(HERE)): hashed(p.read_text()) for p in sorted(HERE.glob("[emr]*/*.py"))}
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    body = f'"mistakes": [\n{lines}\n],\n"sources": {json.dumps(sources, indent=1)}'
    text = f'{{"sha256": "{hashed(body)}",\n{body}}}\n'
    file = HERE / "frozen.json"
    if "--check" in arguments:
        return 0 if file.read_text() == text else 1
    file.write_text(text)
    counts = {k: sum(e["list"] == k for e in entries) for k in ("own", "kept back", "atlas")}
    print(counts, "kinds of stage:", len({(e["relation"], e["stage"].split("-")[0]) for e in entries if e["list"] != "atlas"}))
    return 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main(sys.argv[1:]))
