"""A case of the pack: its model, its tokens, and what a right engine gives."""

import json
import os
from functools import cached_property
from pathlib import Path

from .files import GoldenError, read_stored, read_tensors

FORMAT = "glm52-golden 1"
CLASSES = ("f32", "f16-cache", "f16-attention", "int8-cache", "bf16")


def find_pack(pack=None):
    """The folder of the pack: as given, as GLM52_GOLDEN says, or where a pack usually lies."""
    named = pack or os.environ.get("GLM52_GOLDEN")
    above = [Path.cwd(), *Path.cwd().parents]
    usual = [Path(__file__).resolve().parents[2], *above]
    usual += [folder / below for folder in above for below in ("golden", "node_modules/glm52.ts/golden")]
    for place in [Path(named)] if named else usual:
        if (place / "manifest.json").is_file() and (place / "cases").is_dir():
            form = json.loads((place / "manifest.json").read_text()).get("format")
            if form != FORMAT:
                raise GoldenError(f"{place}: expected a pack of format {FORMAT}, got {form}")
            return place
    where = f"{named}: expected a golden pack there" if named else "expected a golden pack near this folder"
    raise GoldenError(f"{where}, found no manifest.json with cases; GLM52_GOLDEN or pack= can name its folder")


def open_case(case, pack=None):
    """A case by its name, or by its folder."""
    folder = Path(case)
    if not (folder / "tokens.json").is_file():
        folder = find_pack(pack) / "cases" / case
    if not (folder / "tokens.json").is_file():
        names = ", ".join(sorted(path.name for path in folder.parent.glob("*")))
        raise GoldenError(f"{case}: expected a case; the pack has {names or 'none'}")
    return Case(folder)


class Case:
    """What the files of a case say. They are read when they are asked for."""

    def __init__(self, folder):
        self.folder, self.name = Path(folder), Path(folder).resolve().name

    @cached_property
    def tokens(self):
        """The ids to run, all of them, the first at position 0."""
        return json.loads((self.folder / "tokens.json").read_text())["tokens"]

    @property
    def model(self):
        """The folder of the checkpoint, as HF transformers writes it."""
        return self.folder / "model"

    @cached_property
    def expected(self):
        """Name to numbers in float64, or to choices, in the order in which a model makes them."""
        tensors = read_tensors(self.folder / "f64.safetensors")
        layers = json.loads((self.model / "config.json").read_text())["num_hidden_layers"]
        return dict(sorted(tensors.items(), key=lambda item: place_of(item[0], layers)))

    @cached_property
    def envelope(self):
        """How far rounding takes an engine of each class."""
        return json.loads((self.folder / "envelope.json").read_text())

    @property
    def certified(self):
        """Classes of engines of which a right one chooses exactly what the case says."""
        return self.envelope["certified"]

    def router_bias(self, layer):
        """The bias that a layer's experts are chosen with."""
        name = f"model.layers.{layer}.mlp.gate.e_score_correction_bias"
        for file in sorted(self.model.glob("*.safetensors")):
            found = read_stored(file, lambda other: other == name)
            if found:
                return found[name].data.astype("float64")
        return None


# The order of the stages of one layer.
LAYER = (
    *("attn_norm", "qr", "indexer_q", "indexer_k", "indexer_weights", "indexer_score", "top_k"),
    *("q_nope", "q_pe", "kv_cmpr", "k_pe", "q_nope_absorbed", "attn_out", "ffn_inp", "ffn_norm"),
    *("ffn_moe_logits", "ffn_moe_topk", "ffn_moe_weights", "ffn_moe_out", "ffn_shexp"),
    *("ffn_out", "l_out"),
)
DRAFT = ("mtp_enorm", "mtp_hnorm", "mtp_eh_proj", "", "mtp_hidden", "mtp_top_k", "mtp_logits")


def parse_stage(name):
    """`l_out-3` as (`l_out`, 3); a name without a number has −1."""
    stage, dash, number = name.rpartition("-")
    return (stage, int(number)) if dash and number.isdigit() else (name, -1)


def is_stage(name):
    """Whether it is the name of a stage that a model has."""
    stage, _ = parse_stage(name)
    return stage in LAYER or stage in DRAFT[:3] + DRAFT[4:] or stage in ("inp_embd", "result_norm", "logits")


def place_of(name, layers):
    """Where a stage stands among all: tokens, layers, logits, draft steps."""
    stage, number = parse_stage(name)
    if stage in DRAFT:
        return (3, number, DRAFT.index(stage), 0)
    if stage in LAYER:
        if number == layers:  # the draft layer, in the middle of the first draft step
            return (3, 0, DRAFT.index(""), LAYER.index(stage))
        return (1, number, LAYER.index(stage), 0)
    return ({"inp_embd": 0, "result_norm": 2}.get(stage, 2), 0, stage != "result_norm", 0)
