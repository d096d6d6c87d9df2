"""Runs a case, and keeps every stage of it."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch

from .arithmetic import Arithmetic
from .checkpoint import Checkpoint
from .decoder import Decoder, Drafter


@dataclass
class Options:
    """How this engine does its work; none of it changes what a right engine computes."""

    arithmetic: Arithmetic = field(default_factory=Arithmetic)
    latent_eps: float = 1e-6
    expanded: bool = False
    steps: tuple = ()  # lengths of the first steps; what remains comes in one


class Notes:
    """Collects the rows of each stage over all steps."""

    def __init__(self):
        self.rows = {}

    def __call__(self, name, tensor):
        self.rows.setdefault(name, []).append(tensor)

    def layer(self, number):
        return lambda name, tensor: self(f"{name}-{number}", tensor)

    def silent(self):
        return lambda _name, _tensor: None

    def stages(self):
        """One tensor for each stage. Steps that saw fewer rows are filled up."""
        return {name: _stacked(name, parts) for name, parts in self.rows.items()}


def _stacked(name, parts):
    if "top_k" not in name and "indexer_score" not in name:
        return torch.cat(parts)
    width = max(part.shape[1] for part in parts)
    empty = -1 if "top_k" in name else -torch.inf
    filled = [torch.nn.functional.pad(part, (0, width - part.shape[1]), value=empty) for part in parts]
    joined = torch.cat(filled)
    return _ascending(joined) if "top_k" in name else joined


def _ascending(chosen):
    last = torch.iinfo(chosen.dtype).max
    ordered = chosen.masked_fill(chosen < 0, last).sort(-1).values
    return ordered.masked_fill(ordered == last, -1)


class Engine:
    """A case's model, ready to run. Mistakes are put into `decoder` and `drafter`."""

    def __init__(self, case, options=None):
        case = Path(case)
        self.options = options or Options()
        self.folder = case
        self.facts = json.loads((case / "case.json").read_text())
        self.tokens = torch.tensor(json.loads((case / "tokens.json").read_text())["tokens"])
        checkpoint = Checkpoint(case / "model")
        self.config = checkpoint.config
        self.options.latent_eps = self.facts["latentEps"]
        self.decoder = Decoder(checkpoint, self.options)
        self.drafter = None
        if self.facts["mtpSteps"] > 0:
            self.drafter = Drafter(checkpoint, self.decoder, self.options)

    def lengths(self):
        steps, total = list(self.options.steps), len(self.tokens)
        while sum(steps) > total:
            steps.pop()
        return [*steps, total - sum(steps)] if sum(steps) < total else steps

    @torch.no_grad()
    def run(self):
        """Every stage by its name."""
        notes, hidden = Notes(), []
        for part in self.tokens.split(self.lengths()):
            hidden.append(self.decoder(part, notes)[0])
        if self.drafter is not None:
            self.drafter(self.tokens, torch.cat(hidden), self.facts["mtpSteps"], notes)
        return notes.stages()
