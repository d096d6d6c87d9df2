"""How a mistake is put into an engine: parts of it are replaced, on one object at a time."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """A mistake of a list, and what is known of it before anything is measured."""

    id: str
    relation: str  # what kind of difference it makes at the stage where it begins
    stage: str  # where it begins
    sentence: str
    change: object  # puts it into a Patient
    case: str = "tiny-all"
    steps: tuple = ()
    expanded: bool = False


class Patient:
    """An engine and the parts of it that mistakes are put into."""

    def __init__(self, engine, layers=None, since=None):
        self.engine, self.decoder, self.drafter = engine, engine.decoder, engine.drafter
        self.layers, self.since = layers, since

    def in_scope(self, block):
        return self.layers is None or block.layer in self.layers

    @property
    def blocks(self):
        """All layers, that of the drafts included."""
        drafts = [self.drafter.block] if self.drafter is not None else []
        return [block for block in [*self.decoder.blocks, *drafts] if self.in_scope(block)]

    def layer(self, number):
        return [*self.decoder.blocks, *([self.drafter.block] if self.drafter else [])][number]

    @property
    def attentions(self):
        return [block.attention for block in self.blocks]

    @property
    def rankers(self):
        return [block.ranker for block in self.blocks if block.ranker is not None]

    @property
    def mixtures(self):
        return [block.feed for block in self.blocks if hasattr(block.feed, "router")]

    @property
    def routers(self):
        return [mixture.router for mixture in self.mixtures]

    def is_on(self):
        return self.since is None or self.decoder.count >= self.since

    def instead(self, parts, method, function):
        """`function(original, *arguments)` takes the place of a method."""
        for part in parts:
            original = getattr(part, method)

            def other(*arguments, _original=original):
                if not self.is_on():
                    return _original(*arguments)
                return function(_original, *arguments)

            setattr(part, method, other)

    def after(self, parts, method, function):
        """`function(result, *arguments)` is what a method gives."""
        self.instead(parts, method, lambda original, *args: function(original(*args), *args))

    def before(self, parts, method, function):
        """`function(*arguments)` gives the first argument that a method gets."""
        self.instead(
            parts, method, lambda original, first, *rest: original(function(first), *rest)
        )

    def every(self, parts, **values):
        """Sets attributes; a function is given the old value."""
        for part in parts:
            for name, value in values.items():
                setattr(part, name, value(getattr(part, name)) if callable(value) else value)


def shifted(x, by=1):
    """Each row takes the one before it; the first keeps its own."""
    moved = x.roll(by, 0)
    moved[:by] = x[:by]
    return moved


def in_rows(rows, other):
    """A function for {@link Patient.after} that changes rows only; `rows` are asked for the count."""

    def change(result, *_arguments):
        result = result.clone()
        picked = rows(len(result))
        result[picked] = other(result[picked])
        return result

    return change
