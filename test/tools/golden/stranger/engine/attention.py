"""Latent attention over chosen positions."""

import torch
from torch import nn

from .parts import Linear, RmsNorm, Rotary


class LatentAttention(nn.Module):
    def __init__(self, checkpoint, prefix, rotary_base, latent_eps, arithmetic, expanded):
        super().__init__()
        config, get = checkpoint.config, checkpoint.get
        self.heads, self.rank = config["num_attention_heads"], config["kv_lora_rank"]
        self.plain, self.turned = config["qk_nope_head_dim"], config["qk_rope_head_dim"]
        self.scale = (self.plain + self.turned) ** -0.5
        self.arithmetic, self.expanded = arithmetic, expanded
        self.q_down = Linear(get(f"{prefix}.q_a_proj.weight"), arithmetic)
        self.q_norm = RmsNorm(get(f"{prefix}.q_a_layernorm.weight"), latent_eps, arithmetic)
        self.q_up = Linear(get(f"{prefix}.q_b_proj.weight"), arithmetic)
        self.kv_down = Linear(get(f"{prefix}.kv_a_proj_with_mqa.weight"), arithmetic)
        self.kv_norm = RmsNorm(get(f"{prefix}.kv_a_layernorm.weight"), latent_eps, arithmetic)
        both = arithmetic.weight(get(f"{prefix}.kv_b_proj.weight")).unflatten(0, (self.heads, -1))
        self.key_up, self.value_up = both[:, : self.plain], both[:, self.plain :]
        self.out = Linear(get(f"{prefix}.o_proj.weight"), arithmetic)
        self.rotary = Rotary(self.turned, rotary_base)

    def query_latent(self, hidden):
        return self.q_norm(self.q_down(hidden))

    def split_query(self, query):
        """`[heads, T, plain + turned]` into its two parts."""
        return query[..., : self.plain], query[..., self.plain :]

    def turn_query(self, turned, positions):
        return self.arithmetic.step(self.rotary(turned, positions))

    def turn_key(self, turned, positions):
        return self.arithmetic.step(self.rotary(turned, positions))

    def queries(self, latent, positions):
        query = self.q_up(latent).unflatten(-1, (self.heads, -1)).transpose(0, 1)
        plain, turned = self.split_query(query)
        return plain, self.turn_query(turned, positions)

    def rows(self, hidden, positions):
        """What will be cached of these positions."""
        both = self.kv_down(hidden)
        latent, turned = both[:, : self.rank], both[:, self.rank :]
        return self.kv_norm(latent), self.turn_key(turned, positions)

    def absorb(self, plain):
        """Queries of the width of the latent."""
        return self.arithmetic.step(self.arithmetic.product(plain, self.key_up.mT))

    def seen(self, chosen, positions, count):
        """A mask `[T, S]` of the positions that were chosen and that are not later than the query."""
        mask = torch.zeros(chosen.shape[0], count + 1, dtype=torch.bool)
        mask.scatter_(1, chosen.masked_fill(chosen < 0, count), True)
        return mask[:, :count] & (torch.arange(count) <= positions[:, None])

    def scores(self, plain, absorbed, turned, latents, turned_keys):
        product, asked = self.arithmetic.product, self.arithmetic.asked
        if self.expanded:
            by_latent = product(plain, product(latents, self.key_up))
        else:
            by_latent = product(asked(absorbed), latents)
        return (by_latent + product(asked(turned), turned_keys)) * self.scale

    def shares(self, scores, mask):
        scores = scores.masked_fill(~mask, -torch.inf)
        weights = torch.exp(scores - scores.amax(-1, keepdim=True).clamp_min(-1e30))
        return self.arithmetic.step(weights / weights.sum(-1, keepdim=True).clamp_min(1e-30))

    def values(self, shares, latents):
        """`[heads, T, value]`."""
        step, product = self.arithmetic.step, self.arithmetic.product
        if self.expanded:
            return step(product(shares, step(product(latents, self.value_up)).mT))
        return step(product(step(product(shares, latents.mT)), self.value_up))

    def joined(self, values):
        return values.transpose(0, 1).flatten(1)

    def forward(self, hidden, latent, positions, memory, chosen, note):
        plain, turned = self.queries(latent, positions)
        fresh, fresh_turned = self.rows(hidden, positions)
        kept = self.arithmetic.kept
        latents, turned_keys = memory.add_attention(kept(fresh), kept(fresh_turned))
        absorbed = self.absorb(plain)
        mask = self.seen(chosen, positions, len(latents))
        scores = self.scores(plain, absorbed, turned, latents, turned_keys)
        out = self.out(self.joined(self.values(self.shares(scores, mask), latents)))
        note("q_nope", plain.transpose(0, 1))
        note("q_pe", turned.transpose(0, 1))
        note("kv_cmpr", fresh)
        note("k_pe", fresh_turned)
        if not self.expanded:
            note("q_nope_absorbed", absorbed.transpose(0, 1))
        note("attn_out", out)
        return out
