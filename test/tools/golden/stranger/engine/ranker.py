"""The lightning indexer: for each query the positions that are worth a look."""

import torch
from torch import nn

from .parts import CenteredNorm, Linear, Rotary


class Ranker(nn.Module):
    def __init__(self, checkpoint, prefix, rotary_base, arithmetic):
        super().__init__()
        config, get = checkpoint.config, checkpoint.get
        self.heads, self.width = config["index_n_heads"], config["index_head_dim"]
        self.turned, self.keep = config["qk_rope_head_dim"], config["index_topk"]
        self.factor = self.heads**-0.5 * self.width**-0.5
        self.arithmetic = arithmetic
        self.from_latent = Linear(get(f"{prefix}.wq_b.weight"), arithmetic)
        self.from_hidden = Linear(get(f"{prefix}.wk.weight"), arithmetic)
        self.head_weights = Linear(get(f"{prefix}.weights_proj.weight"), arithmetic)
        gain, bias = get(f"{prefix}.k_norm.weight"), get(f"{prefix}.k_norm.bias")
        self.key_norm = CenteredNorm(gain, bias, 1e-6, arithmetic)
        self.rotary = Rotary(self.turned, rotary_base)

    def turn(self, x, positions):
        """Rotates the first channels, and leaves the others."""
        first, rest = x[..., : self.turned], x[..., self.turned :]
        return self.arithmetic.step(torch.cat([self.rotary(first, positions), rest], -1))

    def turn_query(self, query, positions):
        return self.turn(query, positions)

    def turn_key(self, key, positions):
        return self.turn(key, positions)

    def query_input(self, hidden, latent):
        return latent

    def queries(self, latent, positions):
        """`[heads, T, width]`."""
        apart = self.from_latent(latent).unflatten(-1, (self.heads, self.width))
        return self.turn_query(apart.transpose(0, 1), positions)

    def keys(self, hidden, positions):
        return self.turn_key(self.key_norm(self.from_hidden(hidden)), positions)

    def weights(self, hidden):
        return self.head_weights(hidden)

    def gate(self, products):
        return products.clamp_min(0)

    def scores(self, queries, keys, weights):
        """`[T, S]`, before the mask."""
        products = self.arithmetic.product(self.arithmetic.asked(queries), keys)
        return (weights.mT[..., None] * self.gate(products)).sum(0) * self.factor

    def masked(self, scores, positions):
        past = torch.arange(scores.shape[1]) <= positions[:, None]
        return scores.masked_fill(~past, -torch.inf)

    def choose(self, scores, count):
        """The largest scores, the lowest position first where they are equal."""
        order = scores.argsort(dim=-1, descending=True, stable=True)[:, :count]
        return order.masked_fill(scores.gather(-1, order) == -torch.inf, -1)

    def forward(self, hidden, latent, positions, memory, note):
        queries = self.queries(self.query_input(hidden, latent), positions)
        fresh = self.keys(hidden, positions)
        keys = memory.add_index_keys(self.arithmetic.kept(fresh))
        weights = self.weights(hidden)
        scores = self.masked(self.scores(queries, keys, weights), positions)
        chosen = self.choose(scores, min(self.keep, scores.shape[1]))
        note("indexer_q", queries.transpose(0, 1))
        note("indexer_k", fresh)
        note("indexer_weights", weights)
        note("indexer_score", scores)
        return chosen
