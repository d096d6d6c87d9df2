"""Norms, rotation, and the gated block that layers and experts share."""

import torch
from torch import nn


class RmsNorm(nn.Module):
    """Divides by the root of the mean square, and multiplies by a gain."""

    def __init__(self, gain, eps, arithmetic):
        super().__init__()
        self.gain, self.eps, self.arithmetic = arithmetic.weight(gain), eps, arithmetic

    def unit(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)

    def forward(self, x):
        return self.arithmetic.step(self.unit(x) * self.gain)


class CenteredNorm(nn.Module):
    """A LayerNorm, which the keys of the ranker go through."""

    def __init__(self, gain, bias, eps, arithmetic):
        super().__init__()
        self.gain, self.bias = arithmetic.weight(gain), arithmetic.weight(bias)
        self.eps, self.arithmetic = eps, arithmetic

    def center(self, x):
        return x - x.mean(-1, keepdim=True)

    def forward(self, x):
        x = self.center(x)
        unit = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)
        return self.arithmetic.step(unit * self.gain + self.bias)


class Rotary(nn.Module):
    """Turns pairs of neighbours, as products of complex numbers."""

    def __init__(self, width, base):
        super().__init__()
        exponents = torch.arange(0, width, 2, dtype=torch.float32) / width
        self.frequencies = 1.0 / (float(base) ** exponents)

    def angles(self, positions):
        return positions.float()[:, None] * self.frequencies

    def pairs(self, x):
        return torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous())

    def unpaired(self, z):
        return torch.view_as_real(z).flatten(-2)

    def forward(self, x, positions):
        """Positions belong to the last axis but one of x."""
        angles = self.angles(positions)
        return self.unpaired(self.pairs(x) * torch.polar(torch.ones_like(angles), angles))


class Linear(nn.Module):
    """A matrix `[out, in]`."""

    def __init__(self, weight, arithmetic):
        super().__init__()
        self.weight, self.arithmetic = arithmetic.weight(weight), arithmetic

    def forward(self, x):
        return self.arithmetic.step(self.arithmetic.product(x, self.weight))


class GatedBlock(nn.Module):
    """down(silu(gate x) · up x). The matrices may have axes in front, one for each expert."""

    def __init__(self, gate, up, down, arithmetic):
        super().__init__()
        self.gate, self.up, self.down = (Linear(w, arithmetic) for w in (gate, up, down))
        self.arithmetic = arithmetic

    def activation(self, x):
        return x * torch.sigmoid(x)

    def between(self, x):
        active = self.arithmetic.step(self.activation(self.gate(x)))
        return self.arithmetic.step(active * self.up(x))

    def forward(self, x):
        return self.down(self.between(x))
