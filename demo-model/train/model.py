"""GLM-5.2 (`glm_moe_dsa`) in PyTorch, small enough to train on two CPU cores.

It computes the same function as transformers' `GlmMoeDsaForCausalLM` (see check_hf.py), and has the MTP
block, which transformers leaves out. The attention can run in three modes:

  dense   causal attention to every earlier token; the indexers do not run
  warm    as dense, but the indexers compute scores; used to train and evaluate them
  sparse  attention only to the indexer's top-k, like the finished model
"""

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NEG = float("-inf")


@dataclass
class Shape:
    vocab: int = 2048
    d: int = 192
    layers: int = 8
    heads: int = 4
    q_rank: int = 96
    kv_rank: int = 64
    nope: int = 32
    rope: int = 16
    v: int = 48
    dense_ff: int = 512
    expert_ff: int = 32
    experts: int = 22
    active: int = 6
    route_scale: float = 2.5
    index_heads: int = 16
    index_dim: int = 32
    topk: int = 64
    full: tuple[int, ...] = (0, 1, 2, 6)  # layers with their own indexer; the others share
    theta: float = 100000.0
    eps: float = 1e-5
    latent_eps: float = 1e-6  # transformers' value for q_a_layernorm and kv_a_layernorm
    max_len: int = 8192

    def groups(self) -> dict[int, list[int]]:
        """Indexer layer -> the layers it serves. The MTP block (index `layers`) serves itself."""
        out: dict[int, list[int]] = {}
        for i in range(self.layers):
            if i in self.full:
                owner = i
            out.setdefault(owner, []).append(i)
        out[self.layers] = [self.layers]
        return out


@dataclass
class Trace:
    """What one forward pass records for the losses and the logs."""

    load: list[Tensor] = field(default_factory=list)  # per MoE layer: tokens per expert
    attn: dict[int, Tensor] = field(default_factory=dict)  # layer -> head-averaged attention, detached
    score: dict[int, Tensor] = field(default_factory=dict)  # indexer layer -> scores [B,T,T], -inf above diagonal
    chosen: dict[int, Tensor] = field(default_factory=dict)  # indexer layer -> top-k indices [B,T,k]


class RMSNorm(nn.Module):
    def __init__(self, n: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


def linear(n_in: int, n_out: int) -> nn.Linear:
    return nn.Linear(n_in, n_out, bias=False)


def rotate(x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
    """Interleaved rotary embedding of [B,T,H,rope]; leaves even results before odd ones.

    The order does not matter: queries and keys are permuted alike.
    """
    cos, sin = rope
    a, b = x[..., 0::2].float(), x[..., 1::2].float()
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Indexer(nn.Module):
    def __init__(self, s: Shape):
        super().__init__()
        self.s = s
        self.wq_b = linear(s.q_rank, s.index_heads * s.index_dim)
        self.wk = linear(s.d, s.index_dim)
        self.k_norm = nn.LayerNorm(s.index_dim, eps=1e-6)
        self.weights_proj = linear(s.d, s.index_heads)

    def forward(self, x: Tensor, q_latent: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        # The inputs are detached: the indexer learns from its own KL loss only, and the KL loss
        # reaches nothing but the indexer. Scores stay in fp32, since rounding makes ties.
        s = self.s
        x, q_latent = x.detach(), q_latent.detach()
        with torch.autocast("cpu", enabled=False):
            B, T, _ = x.shape
            q = self.wq_b(q_latent.float()).view(B, T, s.index_heads, s.index_dim)
            k = self.k_norm(self.wk(x.float())).unsqueeze(2)
            q = torch.cat((rotate(q[..., : s.rope], rope), q[..., s.rope :]), -1)
            k = torch.cat((rotate(k[..., : s.rope], rope), k[..., s.rope :]), -1).squeeze(2)
            w = self.weights_proj(x.float()) * (s.index_heads**-0.5 * s.index_dim**-0.5)
            # In blocks of queries, so that keys after the block are never scored.
            rows = []
            for lo in range(0, T, 128):
                hi = min(lo + 128, T)
                dots = torch.matmul(q[:, lo:hi].flatten(1, 2), k[:, :hi].transpose(-1, -2))
                dots = dots.view(B, hi - lo, s.index_heads, hi)
                score = (F.relu(dots) * w[:, lo:hi, :, None]).sum(2)  # [B,t,hi]
                later = torch.ones(hi - lo, hi, dtype=torch.bool).triu(lo + 1)
                rows.append(F.pad(score.masked_fill(later, NEG), (0, T - hi), value=NEG))
            return torch.cat(rows, 1)


class Attention(nn.Module):
    # The rule that chooses rows from the scores; evaluate.py compares it with other rules.
    ranking = staticmethod(lambda score: score)

    def __init__(self, s: Shape, has_indexer: bool):
        super().__init__()
        self.s = s
        self.q_a_proj = linear(s.d, s.q_rank)
        self.q_a_layernorm = RMSNorm(s.q_rank, s.latent_eps)
        self.q_b_proj = linear(s.q_rank, s.heads * (s.nope + s.rope))
        self.kv_a_proj_with_mqa = linear(s.d, s.kv_rank + s.rope)
        self.kv_a_layernorm = RMSNorm(s.kv_rank, s.latent_eps)
        self.kv_b_proj = linear(s.kv_rank, s.heads * (s.nope + s.v))
        self.o_proj = linear(s.heads * s.v, s.d)
        self.indexer = Indexer(s) if has_indexer else None

    def forward(self, x, rope, mode: str, index: int, chosen: Tensor | None, trace: Trace):
        s = self.s
        B, T, _ = x.shape
        q_latent = self.q_a_layernorm(self.q_a_proj(x))
        q = self.q_b_proj(q_latent).view(B, T, s.heads, s.nope + s.rope)
        latent = self.kv_a_proj_with_mqa(x)
        kv = self.kv_b_proj(self.kv_a_layernorm(latent[..., : s.kv_rank])).view(B, T, s.heads, s.nope + s.v)
        k_rope = rotate(latent[..., None, s.kv_rank :], rope).to(kv.dtype).expand(B, T, s.heads, s.rope)
        q = torch.cat((q[..., : s.nope], rotate(q[..., s.nope :], rope).to(q.dtype)), -1).transpose(1, 2)
        k = torch.cat((kv[..., : s.nope], k_rope), -1).transpose(1, 2)
        v = kv[..., s.nope :].transpose(1, 2)

        if mode != "dense" and self.indexer is not None:
            score = self.indexer(x, q_latent, rope)
            chosen = self.ranking(score.detach()).topk(min(s.topk, T), -1).indices
            trace.score[index], trace.chosen[index] = score, chosen
        mask = torch.zeros(T, T).masked_fill(torch.ones(T, T, dtype=torch.bool).triu(1), NEG)
        if mode == "sparse":
            hidden = torch.ones(B, T, T, dtype=torch.bool).scatter(-1, chosen, False)
            mask = mask.masked_fill(hidden, NEG).unsqueeze(1)
        # This is written out, because it is faster here than SDPA's flash kernel, and because the
        # indexer loss needs the attention weights.
        logits = torch.matmul(q, k.transpose(-1, -2)).float() * (s.nope + s.rope) ** -0.5 + mask
        p = torch.softmax(logits, -1)
        if mode != "dense":
            trace.attn[index] = p.detach().mean(1)
        o = torch.matmul(p.to(v.dtype), v)
        return self.o_proj(o.transpose(1, 2).reshape(B, T, s.heads * s.v)), chosen


class DenseMLP(nn.Module):
    def __init__(self, s: Shape):
        super().__init__()
        self.gate_proj, self.up_proj = linear(s.d, s.dense_ff), linear(s.d, s.dense_ff)
        self.down_proj = linear(s.dense_ff, s.d)

    def forward(self, x: Tensor, trace: Trace) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class MoE(nn.Module):
    """Sigmoid router without auxiliary loss; every expert is computed for every token.

    With 22 experts of 32 channels, three large bf16 products with a mostly-zero gate are faster on a
    CPU than gathering the rows of each expert (11 ms against 21 ms per layer and 2,048 tokens,
    forward and backward). Expert i owns rows i*ff..(i+1)*ff; the shared expert comes last.
    """

    def __init__(self, s: Shape):
        super().__init__()
        self.s = s
        width = (s.experts + 1) * s.expert_ff
        self.gate = linear(s.d, s.experts)
        self.register_buffer("bias", torch.zeros(s.experts))
        self.gate_proj, self.up_proj, self.down_proj = linear(s.d, width), linear(s.d, width), linear(width, s.d)

    def forward(self, x: Tensor, trace: Trace) -> Tensor:
        s = self.s
        with torch.autocast("cpu", enabled=False):
            score = torch.sigmoid(F.linear(x.float(), self.gate.weight))
            # The bias balances the load: it changes which experts are chosen, but not their weights.
            best = (score.detach() + self.bias).topk(s.active, -1, sorted=False).indices
            mask = torch.zeros_like(score).scatter_(-1, best, 1.0)
            kept = score * mask
            weight = kept / (kept.sum(-1, keepdim=True) + 1e-20) * s.route_scale
            trace.load.append(mask.detach().sum((0, 1)))
            weight = torch.cat((weight, torch.ones_like(weight[..., :1])), -1)
        h = F.silu(self.gate_proj(x)) * self.up_proj(x)
        h = h.view(*x.shape[:2], s.experts + 1, s.expert_ff) * weight.to(h.dtype).unsqueeze(-1)
        return self.down_proj(h.flatten(2))


class Layer(nn.Module):
    def __init__(self, s: Shape, has_indexer: bool, dense: bool):
        super().__init__()
        self.input_layernorm = RMSNorm(s.d, s.eps)
        self.self_attn = Attention(s, has_indexer)
        self.post_attention_layernorm = RMSNorm(s.d, s.eps)
        self.mlp = DenseMLP(s) if dense else MoE(s)

    def forward(self, h, rope, mode, index, chosen, trace):
        o, chosen = self.self_attn(self.input_layernorm(h), rope, mode, index, chosen, trace)
        h = h + o
        return h + self.mlp(self.post_attention_layernorm(h), trace), chosen


class Model(nn.Module):
    def __init__(self, s: Shape, seed: int = 0):
        super().__init__()
        self.s = s
        self.embed_tokens = nn.Embedding(s.vocab, s.d)
        self.layers = nn.ModuleList(Layer(s, i in s.full, i == 0) for i in range(s.layers))
        self.norm = RMSNorm(s.d, s.eps)
        self.lm_head = linear(s.d, s.vocab)
        # The multi-token-prediction block: checkpoint layer `layers`.
        self.mtp = Layer(s, True, False)
        self.enorm, self.hnorm, self.head_norm = (RMSNorm(s.d, s.eps) for _ in range(3))
        self.eh_proj = linear(2 * s.d, s.d)
        inv_freq = 1.0 / s.theta ** (torch.arange(0, s.rope, 2, dtype=torch.float) / s.rope)
        angle = torch.arange(s.max_len, dtype=torch.float)[:, None] * inv_freq
        self.register_buffer("cos", angle.cos()[:, None], persistent=False)
        self.register_buffer("sin", angle.sin()[:, None], persistent=False)
        self.reset(seed)

    def reset(self, seed: int) -> None:
        g = torch.Generator().manual_seed(seed)
        for name, p in self.named_parameters():
            if p.dim() < 2:
                continue
            if "embed_tokens" in name or "lm_head" in name or name.endswith("gate.weight"):
                std = 0.02 if "embed" not in name else 0.1
            else:
                std = 0.7 / math.sqrt(p.shape[1])
                if name.endswith(("o_proj.weight", "down_proj.weight")):
                    std /= math.sqrt(2 * self.s.layers)
                if "down_proj" in name and p.shape[1] == (self.s.experts + 1) * self.s.expert_ff:
                    std = 0.7 / math.sqrt(self.s.active * self.s.expert_ff) / math.sqrt(2 * self.s.layers)
            nn.init.normal_(p, std=std, generator=g)

    def forward(self, tokens: Tensor, mode: str, following: Tensor | None = None):
        """tokens [B,T] -> (hidden after the final norm, MTP hidden or None, trace).

        `following` holds the next token of every position; it is the MTP block's second input.
        """
        trace = Trace()
        T = tokens.shape[1]
        rope = self.cos[:T], self.sin[:T]
        h, chosen = self.embed_tokens(tokens), None
        for i, layer in enumerate(self.layers):
            h, chosen = layer(h, rope, mode, i, chosen, trace)
        h = self.norm(h)
        if following is None:
            return h, None, trace
        e = self.enorm(self.embed_tokens(following))
        z = self.eh_proj(torch.cat((e, self.hnorm(h)), -1)).float()
        z, _ = self.mtp(z, rope, mode, self.s.layers, None, trace)
        return h, self.head_norm(z), trace

    def indexer_parameters(self):
        return [p for n, p in self.named_parameters() if ".indexer." in n]

    def main_parameters(self):
        return [p for n, p in self.named_parameters() if ".indexer." not in n]

    def moe_blocks(self) -> list[MoE]:
        return [layer.mlp for layer in [*self.layers, self.mtp] if isinstance(layer.mlp, MoE)]


def cross_entropy(model: Model, h: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(model.lm_head(h).flatten(0, 1).float(), target.flatten())


def indexer_loss(s: Shape, trace: Trace, sparse: bool) -> Tensor:
    """For each indexer: KL(attention averaged over heads and served layers || softmax of the scores).

    `sparse`: over the selected positions only (there the attention already sums to one).
    """
    out = []
    for owner, served in s.groups().items():
        p = torch.stack([trace.attn[j] for j in served]).mean(0)
        score = trace.score[owner]
        if sparse:
            p, score = p.gather(-1, trace.chosen[owner]), score.gather(-1, trace.chosen[owner])
        logq = torch.log_softmax(score, -1).masked_fill(score == NEG, 0.0)
        out.append((torch.xlogy(p, p) - p * logq).sum(-1).mean())
    return torch.stack(out)


def training_losses(model: Model, x: Tensor, mode: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x [B,T+2] -> next-token loss, MTP loss, indexer losses (sparse mode), expert loads."""
    h, z, trace = model(x[:, :-2], mode, x[:, 1:-1])
    lm, mtp = cross_entropy(model, h, x[:, 1:-1]), cross_entropy(model, z, x[:, 2:])
    kl = indexer_loss(model.s, trace, True) if mode == "sparse" else torch.zeros(1)
    return lm, mtp, kl, torch.stack(trace.load)


def warmup_losses(model: Model, x: Tensor) -> tuple[Tensor, Tensor]:
    """Indexer losses against dense attention, and expert loads."""
    _, _, trace = model(x[:, :-2], "warm", x[:, 1:-1])
    return indexer_loss(model.s, trace, False), torch.stack(trace.load)


def captured_mass(s: Shape, trace: Trace) -> dict[int, float]:
    """The share of each layer's dense attention that falls on its top-k, over the second half of the rows."""
    out = {}
    for owner, served in s.groups().items():
        for j in served:
            if j in trace.attn:
                half = trace.attn[j].shape[1] // 2
                out[j] = trace.attn[j].gather(-1, trace.chosen[owner])[:, half:].sum(-1).mean().item()
    return out
