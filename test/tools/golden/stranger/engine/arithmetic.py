"""How an engine rounds, and in which order it sums. A right engine may differ in both."""

from dataclasses import dataclass

import torch

HALVES = {"bf16": torch.bfloat16, "f16": torch.float16}


def rounded(x, form):
    """Rounds numbers to a format, and gives them back in float32."""
    if form == "f32":
        return x
    if form == "int8":
        step = x.abs().amax(-1, keepdim=True).clamp_min(1e-30) / 127
        return torch.round(x / step) * step
    return x.to(HALVES[form]).float()


def in_blocks(x, weight):
    """Sums blocks of five columns, and then the blocks, the last first."""
    pairs = list(zip(x.split(5, -1), weight.split(5, -1), strict=True))
    total = 0
    for left, right in reversed(pairs):
        total = total + left @ right.mT
    return total


def one_by_one(x, weight):
    """Adds one column after the other, as a loop without vectors does."""
    total = 0
    for column in range(weight.shape[-1]):
        total = total + x[..., column : column + 1] * weight[..., None, :, column]
    return total


SUMS = {
    "library": lambda x, weight: x @ weight.mT,
    "backward": lambda x, weight: x.flip(-1) @ weight.flip(-1).mT,
    "even-odd": lambda x, w: x[..., 1::2] @ w[..., 1::2].mT + x[..., ::2] @ w[..., ::2].mT,
    "blocks": in_blocks,
    "one-by-one": one_by_one,
    "double": lambda x, weight: (x.double() @ weight.double().mT).float(),
}


@dataclass(frozen=True)
class Arithmetic:
    """The choices that an author of an engine makes and that change only roundings."""

    sums: str = "library"
    activations: str = "f32"
    cache: str = "f32"
    queries: str = "f32"

    def product(self, x, weight):
        """x Wᵀ, for matrices `[..., out, in]`."""
        return SUMS[self.sums](x, weight)

    def step(self, x):
        """What an operation leaves in memory."""
        return rounded(x, self.activations)

    def kept(self, x):
        """What a cache keeps."""
        return rounded(x, self.cache)

    def asked(self, x):
        """A query, as it meets what a cache keeps."""
        return rounded(x, self.queries)

    def weight(self, x):
        """A weight, as an engine with these activations stores it."""
        return rounded(x, self.activations)
