"""Mistakes in the embedding, the norms, the residual stream and the head."""

import torch

from .patient import Mistake, in_rows, shifted


def norms(m):
    """All RMSNorms of width hidden."""
    blocks = m.blocks
    pairs = [norm for block in blocks for norm in (block.norm, block.second_norm)]
    return [*pairs, m.decoder.norm]


def by_halves(original, x):
    """Each of two devices norms its own half of the channels."""
    return torch.cat([half * torch.rsqrt(half.square().mean(-1, keepdim=True)) for half in x.chunk(2, -1)], -1)


def parallel(m):
    """The feed-forward block reads the normed input of the attention's block."""
    kept = {}

    def keep(result, x):
        kept["x"] = x
        return result

    for block in m.blocks:
        m.after([block.norm], "forward", keep)
        m.instead([block.second_norm], "forward", lambda original, _x: original(kept["x"]))


def past_attention(m):
    """The second residual starts from before the attention."""
    kept = {}

    def keep(result, x):
        kept["x"] = x
        return result

    m.after([block.norm for block in m.blocks], "forward", keep)
    m.instead(m.blocks, "close", lambda _original, _joined, more: kept["x"] + more)


def normed_residual(m):
    """The residual carries the normed input on."""
    kept = {}

    def keep(result, _x):
        kept["normed"] = result
        return result

    m.after([block.norm for block in m.blocks], "forward", keep)
    m.instead(m.blocks, "join", lambda _original, _hidden, more: kept["normed"] + more)


def gains(m, name, other):
    for block in m.blocks:
        getattr(block, name).gain = getattr(block, other).gain


STREAM = [
    Mistake("S01", "factor", "inp_embd", "The embedding is multiplied by the root of its width.",
            lambda m: m.after([m.decoder], "embed", lambda x, _t: x * x.shape[-1] ** 0.5)),
    Mistake("S02", "shift", "inp_embd", "Each position gets the embedding of the token before it.",
            lambda m: m.after([m.decoder], "embed", lambda x, _t: shifted(x))),
    Mistake("S03", "cut", "inp_embd", "The embedding of the first position is zero.",
            lambda m: m.after([m.decoder], "embed", in_rows(lambda n: [0] if n > 1 else [], torch.zeros_like))),
    Mistake("S04", "other-weights", "inp_embd", "Tokens of the upper half of the vocabulary are looked up in the lower half.",
            lambda m: m.before([m.decoder], "embed", lambda t: t % 32)),
    Mistake("S05", "op-extra", "inp_embd", "The embedding is divided by its root mean square.",
            lambda m: m.after([m.decoder], "embed", lambda x, _t: x * torch.rsqrt(x.square().mean(-1, keepdim=True)))),
    Mistake("S06", "permutation", "inp_embd", "Channels of the embedding are read with even and odd ones apart.",
            lambda m: m.every([m.decoder], table=lambda w: torch.cat([w[:, ::2], w[:, 1::2]], 1))),
    Mistake("S07", "term-twice", "ffn_inp-1", "Layer 1 adds the attention's output twice.",
            lambda m: m.after([m.layer(1)], "join", lambda h, _h, more: h + more)),
    Mistake("S08", "other-input", "ffn_inp-0", "The residual carries on the normed input instead of the input.",
            normed_residual),
    Mistake("S09", "factor", "ffn_inp-3", "Layer 3 halves the sum of residual and attention.",
            lambda m: m.after([m.layer(3)], "join", lambda h, *_: h / 2)),
    Mistake("S10", "other-input", "l_out-0", "The feed-forward output is added to the residual from before the attention.",
            past_attention),
    Mistake("S11", "term-missing", "l_out-4", "The last layer forgets the residual of its feed-forward block.",
            lambda m: m.after([m.layer(4)], "close", lambda _r, _h, more: more)),
    Mistake("S12", "term-missing", "ffn_inp-2", "Layer 2 does not add its attention.",
            lambda m: m.after([m.layer(2)], "join", lambda _r, h, _m: h)),
    Mistake("S13", "term-factor", "ffn_inp-0", "What the attention adds is weighed with 1/√10, as residual scaling for five layers.",
            lambda m: m.after(m.blocks, "join", lambda _r, h, more: h + more * 10**-0.5)),
    Mistake("S14", "other-input", "ffn_norm-0", "Attention and feed-forward block stand side by side: the second norm reads the layer's input.",
            parallel),
    Mistake("S15", "saturation", "l_out-0", "The residual is clamped to ±1.5 after every layer.",
            lambda m: m.after(m.blocks, "close", lambda r, *_: r.clamp(-1.5, 1.5))),
    Mistake("S16", "precision", "ffn_inp-0", "The residual is kept in bfloat16 after the attention.",
            lambda m: m.after(m.blocks, "join", lambda r, *_: r.bfloat16().float())),
    Mistake("S17", "sign", "ffn_inp-1", "Layer 1 subtracts its attention.",
            lambda m: m.after([m.layer(1)], "join", lambda _r, h, more: h - more)),
    Mistake("S18", "term-twice", "l_out-2", "Layer 2 adds the residual twice.",
            lambda m: m.after([m.layer(2)], "close", lambda r, h, _m: r + h)),
    Mistake("S19", "other-op", "attn_norm-0", "Norms multiply by 1 + gain.",
            lambda m: m.every(norms(m), gain=lambda g: 1 + g)),
    Mistake("S20", "op-missing", "ffn_norm-0", "The second norm has no gain.",
            lambda m: m.every([b.second_norm for b in m.blocks], gain=torch.ones_like)),
    Mistake("S21", "other-op", "attn_norm-0", "The first norm subtracts the mean, as a LayerNorm.",
            lambda m: m.before([b.norm for b in m.blocks], "unit", lambda x: x - x.mean(-1, keepdim=True))),
    Mistake("S22", "factor", "attn_norm-0", "The norms divide by the root of the sum of squares, not of the mean.",
            lambda m: m.after(norms(m), "unit", lambda y, x: y * x.shape[-1] ** -0.5)),
    Mistake("S23", "other-weights", "ffn_norm-0", "The second norm has the gain of the first.",
            lambda m: gains(m, "second_norm", "norm")),
    Mistake("S24", "op-missing", "result_norm", "There is no norm before the head.",
            lambda m: m.instead([m.decoder.norm], "forward", lambda _o, x: x)),
    Mistake("S25", "op-twice", "result_norm", "The last norm is applied twice.",
            lambda m: m.after([m.decoder.norm], "forward", lambda y, _x: m.decoder.norm.unit(y) * m.decoder.norm.gain)),
    Mistake("S26", "op-order", "attn_norm-0", "The gain multiplies before the norm divides.",
            lambda m: m.instead([b.norm for b in m.blocks], "unit",
                                lambda unit, x: unit(x * m.layer(0).norm.gain) / m.layer(0).norm.gain)),
    Mistake("S27", "other-op", "ffn_norm-0", "The second norm divides by the mean of absolute values.",
            lambda m: m.instead([b.second_norm for b in m.blocks], "unit", lambda _o, x: x / x.abs().mean(-1, keepdim=True))),
    Mistake("S28", "other-op", "attn_norm-0", "Two devices norm half of the channels each, without telling each other.",
            lambda m: m.instead([b.norm for b in m.blocks], "unit", by_halves)),
    Mistake("S29", "eps", "result_norm", "The eps of the last norm is 0.01.",
            lambda m: m.every([m.decoder.norm], eps=1e-2)),
    Mistake("S30", "cut", "attn_norm-0", "The norm's kernel leaves every eighth row as it was.",
            lambda m: m.instead([b.norm for b in m.blocks], "forward",
                                lambda o, x: torch.where((torch.arange(len(x)) % 8 == 7)[:, None], x, o(x)))),
    Mistake("S31", "other-weights", "logits", "The head is tied to the embedding.",
            lambda m: m.every([m.decoder.head], weight=m.decoder.table)),
    Mistake("S32", "factor", "logits", "Logits are multiplied by the inverse root of the width.",
            lambda m: m.after([m.decoder.head], "forward", lambda y, x: y * x.shape[-1] ** -0.5)),
    Mistake("S33", "other-op", "logits", "Logits are capped by 5 tanh(x/5).",
            lambda m: m.after([m.decoder.head], "forward", lambda y, _x: 5 * torch.tanh(y / 5))),
    Mistake("S34", "shift", "logits", "The rows of the head are shifted by one token.",
            lambda m: m.every([m.decoder.head], weight=lambda w: w.roll(1, 0))),
    Mistake("S35", "cut", "logits", "The last ten tokens of the vocabulary get zero logits.",
            lambda m: m.after([m.decoder.head], "forward", lambda y, _x: torch.cat([y[:, :-10], torch.zeros_like(y[:, -10:])], 1))),
    Mistake("S36", "other-op", "logits", "Log-probabilities are given for logits.",
            lambda m: m.after([m.decoder.head], "forward", lambda y, _x: y.log_softmax(-1))),
    Mistake("S37", "precision", "logits", "Logits are computed in float16.",
            lambda m: m.after([m.decoder.head], "forward", lambda y, _x: y.half().float())),
    Mistake("S38", "other-input", "logits", "The head reads the residual without its norm.",
            lambda m: m.instead([m.decoder], "forward", head_without_norm(m)), case="clear-bf16"),
]


def head_without_norm(m):
    kept = {}

    def keep(result, x):
        kept["x"] = x
        return result

    m.after([m.decoder.norm], "forward", keep)
    m.instead([m.decoder.head], "forward", lambda head, _x: head(kept["x"]))
    return lambda original, *args: original(*args)
