"""Compares what an engine gave with what a case says, stage by stage.

1. Numbers are right within the bound of the stage: `room` times what was measured for the engine's
   class, and one rounding of the format of the dump.
2. Choices are right when they are those expected, as sets, or when the scores are so close that
   rounding can have turned them: `explained`. From the first such row on, later stages have other
   inputs, and those rows are left out.
3. The first stage that is off ends the judging: what follows may be wrong because of it.
"""

import json
from dataclasses import dataclass, field

import numpy as np

from .case import CLASSES, find_pack, is_stage, parse_stage
from .files import GoldenError, Stored

ROUNDING = {"F64": 2.0**-24, "F32": 2.0**-24, "F16": 2.0**-11, "BF16": 2.0**-8}
MASKED = -1e30  # below this a score is masked; engines write −∞, or a large negative number


@dataclass(frozen=True)
class Stage:
    """The verdict on one stage: ok, explained, off, after (not judged), or missing."""

    name: str
    verdict: str
    sentence: str = ""
    largest: float | None = None
    bound: float | None = None


@dataclass
class Report:
    """What came of a comparison."""

    case: str
    engine_class: str
    stages: list = field(default_factory=list)
    unknown: list = field(default_factory=list)  # tensors that are no stage of the model
    not_held: list = field(default_factory=list)  # stages that the files of this case do not hold
    right_as: list = field(default_factory=list)  # other classes of which nothing would be wrong

    @property
    def first_wrong(self):
        return next((stage for stage in self.stages if stage.verdict == "off"), None)

    @property
    def status(self):
        """`right`; `allowed`, where rounding explains what differs; or `wrong`."""
        if self.first_wrong:
            return "wrong"
        return "allowed" if any(s.verdict == "explained" for s in self.stages) else "right"

    def __str__(self):
        lines = [
            f"{s.name}: {s.sentence or s.verdict}" for s in self.stages if s.verdict not in ("missing", "after")
        ]
        after = sum(s.verdict == "after" for s in self.stages)
        if after:
            lines.append(f"{after} stages after it not judged")
        if self.right_as:
            lines.append(f"as an engine of class {' or '.join(self.right_as)} nothing would be wrong")
        if self.not_held:
            count, first = len(self.not_held), self.not_held[0]
            lines.append(f"{count} stages not compared, such as {first}: npx glm52 golden check has them too")
        lines += [f"{name}: no stage of the model" for name in self.unknown]
        return "\n".join(lines)


def compare(dump, case, engine_class=None):
    """Judges a dump: name to NumPy array, or to Stored."""
    stored = {name: _stored(name, x) for name, x in dump.items()}
    got, unknown = _by_stage(stored, case)
    kind = engine_class or _class_of(got)
    if kind not in CLASSES:
        raise GoldenError(f"expected a class of {', '.join(CLASSES)}, got {kind}")
    report = _compare(got, unknown, case, kind)
    if report.first_wrong and engine_class is None:
        coarser = CLASSES[CLASSES.index(kind) + 1 :]
        report.right_as = [k for k in coarser if not _compare(got, unknown, case, k).first_wrong]
    return report


def _compare(got, unknown, case, kind):
    held = [name for name in unknown if is_stage(name)]
    report = Report(case.name, kind, [], [name for name in unknown if name not in held], held)
    clean = None
    for name, want in case.expected.items():
        if name not in got:
            report.stages.append(Stage(name, "missing"))
        elif report.first_wrong:
            report.stages.append(Stage(name, "after"))
        else:
            rows = _clean_rows(name, want, clean)
            stage, turned = _judge(name, got[name], want, rows, case, kind)
            report.stages.append(stage)
            if turned is not None:
                clean = turned if clean is None else min(clean, turned)
    return report


def _stored(name, x):
    if isinstance(x, Stored):
        return x
    array = np.asarray(x)
    form = {"float64": "F64", "float32": "F32", "float16": "F16"}.get(str(array.dtype))
    if form is None and array.dtype.kind not in "iu":
        raise GoldenError(f"{name}: expected floats or whole numbers, got {array.dtype}")
    return Stored(array, form or "I64")


def _by_stage(stored, case):
    """Tensors by the pack's names, and the names that are none of its stages."""
    theirs = _their_names(case)
    got, unknown = {}, []
    for name, x in stored.items():
        stage = name if name in case.expected else theirs.get(name)
        if stage is None or stage not in case.expected:
            unknown.append(name)
        elif stage in got:
            raise GoldenError(f"{name}: another tensor is stage {stage} as well")
        else:
            got[stage] = x
    if not got:
        some = ", ".join(list(case.expected)[:3])
        raise GoldenError(f"expected stages of {case.name}, such as {some}; got {', '.join(stored) or 'nothing'}")
    return got, unknown


def _their_names(case):
    """What HF transformers, llama.cpp, vLLM and SGLang call the stages of a case."""
    beside = case.folder.parents[1] / "names.json"
    file = beside if beside.is_file() else find_pack() / "names.json"
    theirs = {}
    for ours, engines in json.loads(file.read_text())["stages"].items():
        for layer in range(200 if "{l}" in ours else 1):
            stage = ours.replace("{l}", str(layer))
            if stage in case.expected:
                theirs.update({name.replace("{l}", str(layer)): stage for name in engines.values()})
    return theirs


def _class_of(got):
    forms = {x.form for x in got.values()}
    return "bf16" if "BF16" in forms else "f16-cache" if "F16" in forms else "f32"


def _clean_rows(name, want, clean):
    if clean is None:
        return len(want)
    stage, number = parse_stage(name)
    return 0 if stage.startswith("mtp_") and number > 0 else min(len(want), clean)


def _judge(name, got, want, rows, case, kind):
    """The verdict on a stage, and the first row that rounding has turned."""
    if (got.data.dtype.kind in "iu") != (want.dtype.kind in "iu"):
        expected = "whole numbers" if want.dtype.kind in "iu" else "floats"
        return Stage(name, "off", f"expected {expected}, got {got.data.dtype}"), None
    data = _shaped(got.data, want.shape)
    if data is None:
        return Stage(name, "off", f"expected shape {list(want.shape)}, got {list(got.data.shape)}"), None
    if want.dtype.kind in "iu":
        return _judge_choice(name, data, want, rows, case, kind)
    return _judge_numbers(name, data, want, rows, case, kind, got.form), None


def _shaped(data, shape):
    if data.ndim > 1 and data.shape[0] == 1 and shape[0] != 1:
        data = data[0]
    joined = (shape[0], int(np.prod(shape[1:], dtype=int)))
    return data.reshape(shape) if data.shape in (tuple(shape), joined) else None


def bounds(case, name, kind, form="F32"):
    """How far a stage may be off: root mean square, and largest error, as shares of the stage."""
    rms, largest = case.envelope["stages"][name][kind]
    once = ROUNDING.get(form, ROUNDING["F32"])
    return case.envelope["room"] * rms + once, case.envelope["room"] * largest + once


def _judge_numbers(name, data, want, rows, case, kind, form):
    rms_bound, bound = bounds(case, name, kind, form)
    got, right = data[:rows].astype("float64"), want[:rows]
    bad = (np.isnan(got) | (got == np.inf)) & ~np.isnan(right)
    if bad.any():
        at = [int(i) for i in np.argwhere(bad)[0]]
        return Stage(name, "off", f"{got[tuple(at)]} at {at}: expected finite numbers")
    masked = (got < MASKED) & (right < MASKED)
    finite = np.abs(want[np.isfinite(want)])
    unit = finite.max(initial=0) or 1
    with np.errstate(invalid="ignore"):
        error = np.where(masked, 0, np.abs(got - right)) / unit
    largest, rms = error.max(initial=0), float(np.sqrt(np.mean(error**2))) if error.size else 0
    if largest <= bound and rms <= rms_bound:
        return Stage(name, "explained" if rows < len(want) else "ok", "", float(largest), bound)
    at = np.unravel_index(error.argmax(), error.shape)
    sentence = (
        f"off by {largest:.2g}, allowed {bound:.2g} (root mean square {rms:.2g}, allowed {rms_bound:.2g}): "
        f"{got[at]:.7g} at {[int(i) for i in at]}, expected {right[at]:.7g}"
    )
    return Stage(name, "off", sentence, float(largest), bound)


def _judge_choice(name, data, want, rows, case, kind):
    sets = [(set(a[a >= 0].tolist()), set(b[b >= 0].tolist())) for a, b in zip(data, want)][:rows]
    other = [t for t, (a, b) in enumerate(sets) if a != b]
    if not other:
        return Stage(name, "ok"), None
    scores, room = _scores(name, case, kind)
    wrong = [t for t in other if scores is None or not _explains(scores[t], room, *sets[t])]
    if not wrong:
        return Stage(name, "explained", f"{len(other)} rows chosen otherwise, as rounding explains"), other[0]
    row = wrong[0]
    listed = [" ".join(map(str, sorted(x))) for x in reversed(sets[row])]
    sentence = f"row {row} chooses otherwise, {len(wrong)} rows in all: expected {listed[0]}, got {listed[1]}"
    return Stage(name, "off", sentence), None


def _explains(scores, room, got, want):
    """Whether scores that are off by no more than `room` can have turned one set into the other."""
    only_got, only_want = sorted(got - want), sorted(want - got)
    if len(only_got) != len(only_want) or only_got[-1] >= len(scores):
        return False
    return scores[only_want].max() - room <= scores[only_got].min() + room


def _scores(name, case, kind):
    """The expected scores behind a choice, and how far an engine's own may be from them."""
    stage, number = parse_stage(name)
    if stage == "ffn_moe_topk":
        source = f"ffn_moe_logits-{number}"
        bias = case.router_bias(number)
        if source not in case.expected or bias is None:
            return None, 0
        logits = case.expected[source]
        room = 0.25 * bounds(case, source, kind)[1] * np.abs(logits).max()
        return 1 / (1 + np.exp(-logits)) + bias, room
    if stage == "mtp_top_k" and number > 0:
        return None, 0
    last = 10**9 if stage == "mtp_top_k" else number
    full = [n for s, n in map(parse_stage, case.expected) if s == "indexer_score" and n <= last]
    if not full:
        return None, 0
    source = f"indexer_score-{max(full)}"
    scores = case.expected[source]
    return scores, bounds(case, source, kind)[1] * np.abs(scores[np.isfinite(scores)]).max()
