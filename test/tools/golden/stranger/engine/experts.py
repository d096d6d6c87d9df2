"""The mixture of experts: a router, the chosen experts, and one that all tokens visit."""

import torch
from torch import nn

from .parts import GatedBlock


class Router(nn.Module):
    def __init__(self, checkpoint, prefix, arithmetic):
        super().__init__()
        config = checkpoint.config
        self.weight = arithmetic.weight(checkpoint.get(f"{prefix}.weight"))
        self.bias = checkpoint.get(f"{prefix}.e_score_correction_bias")
        self.count = config["num_experts_per_tok"]
        self.groups, self.open_groups = config["n_group"], config["topk_group"]
        self.normed, self.factor = config["norm_topk_prob"], config["routed_scaling_factor"]
        self.arithmetic = arithmetic

    def logits(self, hidden):
        return self.arithmetic.product(hidden, self.weight)

    def affinities(self, logits):
        return torch.sigmoid(logits)

    def biased(self, affinities):
        return affinities + self.bias

    def within_groups(self, scores):
        """Shuts the groups whose two best experts are worth less."""
        if self.groups == 1:
            return scores
        apart = scores.unflatten(-1, (self.groups, -1))
        worth = apart.topk(2, -1).values.sum(-1)
        best = worth.argsort(dim=-1, descending=True, stable=True)[:, : self.open_groups]
        is_open = torch.zeros_like(worth, dtype=torch.bool).scatter(1, best, True)
        return apart.masked_fill(~is_open[..., None], -torch.inf).flatten(1)

    def choose(self, scores):
        order = scores.argsort(dim=-1, descending=True, stable=True)[:, : self.count]
        return order.sort(-1).values

    def weigh(self, affinities, chosen):
        weights = affinities.gather(-1, chosen)
        if self.normed:
            weights = weights / (weights.sum(-1, keepdim=True) + 1e-20)
        return weights * self.factor

    def forward(self, hidden, note):
        logits = self.logits(hidden)
        affinities = self.affinities(logits)
        chosen = self.choose(self.within_groups(self.biased(affinities)))
        weights = self.weigh(affinities, chosen)
        note("ffn_moe_logits", logits)
        note("ffn_moe_topk", chosen.int())
        note("ffn_moe_weights", weights)
        return chosen, weights


class Mixture(nn.Module):
    def __init__(self, checkpoint, prefix, arithmetic):
        super().__init__()
        self.router = Router(checkpoint, f"{prefix}.gate", arithmetic)
        count = checkpoint.config["n_routed_experts"]
        stacks = checkpoint.experts(f"{prefix}.experts", count)
        self.gate, self.up, self.down = map(arithmetic.weight, stacks)
        shared = (
            checkpoint.get(f"{prefix}.shared_experts.{part}_proj.weight")
            for part in ("gate", "up", "down")
        )
        self.shared = GatedBlock(*shared, arithmetic)
        self.arithmetic = arithmetic

    def experts(self, chosen):
        """The chosen experts of each token, as one block with two axes in front."""
        picked = (stack[chosen] for stack in (self.gate, self.up, self.down))
        return GatedBlock(*picked, self.arithmetic)

    def routed(self, hidden, chosen, weights):
        each = self.experts(chosen)(hidden[:, None, None])[:, :, 0]
        return self.arithmetic.step((each * weights[..., None]).sum(1))

    def add(self, routed, shared):
        return self.arithmetic.step(routed + shared)

    def forward(self, hidden, note):
        chosen, weights = self.router(hidden, note)
        routed = self.routed(hidden, chosen, weights)
        shared = self.shared(hidden)
        note("ffn_moe_out", routed)
        note("ffn_shexp", shared)
        return self.add(routed, shared)


class Dense(nn.Module):
    def __init__(self, checkpoint, prefix, arithmetic):
        super().__init__()
        parts = (checkpoint.get(f"{prefix}.{part}_proj.weight") for part in ("gate", "up", "down"))
        self.block = GatedBlock(*parts, arithmetic)

    def forward(self, hidden, note):
        return self.block(hidden)
