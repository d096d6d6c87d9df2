"""Mistakes in the router, the experts and the dense block."""

import torch
from torch.nn import functional

from .patient import Mistake, shifted


def weigh(function):
    """`function(affinities, chosen, factor)` in place of the weights."""
    return lambda m: m.instead(m.routers, "weigh", lambda _o, a, c: function(a, c, 2.5))


def logit(affinities):
    return torch.log(affinities / (1 - affinities))


def activation(function):
    """Another activation in all blocks, dense or sparse."""

    def apply(m):
        for mixture in m.mixtures:
            m.after([mixture], "experts", lambda block, _c: with_activation(m, block, function))
            m.instead([mixture.shared], "activation", lambda _o, x: function(x))
        dense = [b.feed.block for b in m.blocks if hasattr(b.feed, "block")]
        m.instead(dense, "activation", lambda _o, x: function(x))

    return apply


def with_activation(m, block, function):
    m.instead([block], "activation", lambda _o, x: function(x))
    return block


def expert_stack(name, change):
    return lambda m: m.every(m.mixtures, **{name: change})


def interleaved(m):
    """Gate and up rows of fused experts are read as neighbours."""
    for mixture in m.mixtures:
        fused = torch.cat([mixture.gate, mixture.up], 1)
        mixture.gate, mixture.up = fused[:, ::2], fused[:, 1::2]


def raw_gate(m):
    for block in m.blocks:
        if not hasattr(block.feed, "router"):
            continue
        kept = {}

        def keep(result, x, kept=kept):
            kept["x"] = x
            return result

        m.after([block.second_norm], "forward", keep)
        m.before([block.feed.router], "logits", lambda _h, kept=kept: kept["x"])


def capacity(m):
    """An expert takes five tokens of a step and no more."""

    def change(original, hidden, chosen, weights):
        flat = functional.one_hot(chosen, m.mixtures[0].gate.shape[0])
        place = (flat.flatten(0, 1).cumsum(0).view_as(flat) * flat).sum(-1)
        return original(hidden, chosen, weights * (place <= 5))

    m.instead(m.mixtures, "routed", change)


def weighted_inputs(m):
    """The weight of an expert multiplies its input."""
    for mixture in m.mixtures:
        m.instead([mixture], "routed", lambda _o, h, c, w, x=mixture: x.experts(c)(
            (h[:, None] * w[..., None])[:, :, None])[:, :, 0].sum(1))


def int4(weight):
    step = weight.abs().amax(-1, keepdim=True) / 7
    return torch.round(weight / step) * step


def half_inner(block):
    """A device's half of the inner channels is not added."""
    def between(y, _x):
        return torch.cat([y[..., :20], torch.zeros_like(y[..., 20:])], -1)

    return between


def dense(m):
    return [b.feed.block for b in m.blocks if hasattr(b.feed, "block")]


def groups_by(worth):
    def change(_original, scores, router):
        apart = scores.unflatten(-1, (router.groups, -1))
        top = worth(apart).argsort(dim=-1, descending=True, stable=True)[:, : router.open_groups]
        is_open = torch.zeros(apart.shape[:2], dtype=torch.bool).scatter(1, top, True)
        return apart.masked_fill(~is_open[..., None], -torch.inf).flatten(1)

    return lambda m: [m.instead([r], "within_groups", lambda o, s, r=r: change(o, s, r)) for r in m.routers]


ROUTING = [
    Mistake("R01", "other-op", "ffn_moe_topk-1", "The router's logits go through a softmax.",
            lambda m: m.instead(m.routers, "affinities", lambda _o, x: x.softmax(-1))),
    Mistake("R02", "other-input", "ffn_moe_logits-1", "The router reads the residual without its norm.", raw_gate),
    Mistake("R03", "sign", "ffn_moe_topk-1", "The bias is subtracted.", lambda m: m.every(m.routers, bias=lambda b: -b), case="near-equal-bias"),
    Mistake("R04", "op-order", "ffn_moe_topk-1", "The bias is added before the sigmoid.",
            lambda m: [m.instead([r], "biased", lambda _o, a, r=r: torch.sigmoid(logit(a) + r.bias)) for r in m.routers], case="near-equal-bias"),
    Mistake("R05", "permutation", "ffn_moe_weights-1", "Weights stay in the order of the experts' scores, ids are sorted.",
            weigh(lambda a, c, f: (w := a.gather(-1, c)).sort(-1, descending=True).values / w.sum(-1, keepdim=True) * f)),
    Mistake("R06", "other-op", "ffn_moe_weights-1", "Weights are a softmax over the chosen experts' logits.",
            weigh(lambda a, c, f: logit(a).gather(-1, c).softmax(-1) * f)),
    Mistake("R07", "other-op", "ffn_moe_weights-1", "Weights are divided by the sum over all experts.",
            weigh(lambda a, c, f: a.gather(-1, c) / a.sum(-1, keepdim=True) * f)),
    Mistake("R08", "factor", "ffn_moe_weights-1", "The factor 2.5 is divided by the number of chosen experts.",
            lambda m: m.every(m.routers, factor=1.25)),
    Mistake("R09", "other-op", "ffn_moe_weights-1", "Weights are divided by the root of the sum of their squares.",
            weigh(lambda a, c, f: (w := a.gather(-1, c)) / w.norm(dim=-1, keepdim=True) * f)),
    Mistake("R10", "other-weights", "ffn_moe_topk-2", "Layer 2 chooses with the bias of layer 1.",
            lambda m: m.every([m.layer(2).feed.router], bias=m.layer(1).feed.router.bias), case="near-equal-bias"),
    Mistake("R11", "other-weights", "ffn_moe_logits-3", "Layer 3 has the router of layer 2.",
            lambda m: m.every([m.layer(3).feed.router], weight=m.layer(2).feed.router.weight)),
    Mistake("R12", "choice", "ffn_moe_topk-1", "The smallest scores choose the experts.",
            lambda m: m.before(m.routers, "choose", lambda s: -s)),
    Mistake("R13", "shift", "ffn_moe_topk-1", "Each token visits the experts of the token before.",
            lambda m: m.after(m.routers, "choose", lambda c, _s: shifted(c))),
    Mistake("R14", "choice", "ffn_moe_topk-1", "A group is worth its best expert, not the sum of its two best.",
            groups_by(lambda s: s.amax(-1)), case="groups2-bias"),
    Mistake("R15", "choice", "ffn_moe_topk-1", "A group is worth the mean of all its experts.",
            groups_by(lambda s: s.mean(-1)), case="groups2-bias"),
    Mistake("R16", "choice", "ffn_moe_topk-1", "No group is shut.",
            lambda m: m.instead(m.routers, "within_groups", lambda _o, s: s), case="groups2-bias"),
    Mistake("R17", "precision", "ffn_moe_logits-1", "The router's input is rounded to float16.",
            lambda m: m.before(m.routers, "logits", lambda h: h.half().float())),
    Mistake("R18", "permutation", "ffn_moe_out-1", "Experts are counted from one: each id finds the expert after it.",
            lambda m: m.before(m.mixtures, "experts", lambda c: (c + 1) % 8)),
    Mistake("R19", "other-weights", "ffn_moe_out-1", "The down matrices of the experts are in opposite order.",
            expert_stack("down", lambda w: w.flip(0))),
    Mistake("R20", "other-op", "ffn_out-0", "The activation is a GELU.", activation(functional.gelu)),
    Mistake("R21", "other-op", "ffn_out-0", "The activation is a ReLU.", activation(torch.relu)),
    Mistake("R22", "other-op", "ffn_out-0", "The activation is x·sigmoid(1.702 x).", activation(lambda x: x * torch.sigmoid(1.702 * x))),
    Mistake("R23", "term-missing", "ffn_out-1", "The shared expert is computed and not added.",
            lambda m: m.instead(m.mixtures, "add", lambda _o, routed, _s: routed)),
    Mistake("R24", "term-twice", "ffn_out-1", "The shared expert is added by both of two devices.",
            lambda m: m.instead(m.mixtures, "add", lambda _o, routed, s: routed + 2 * s)),
    Mistake("R25", "factor-by-position", "ffn_shexp-1", "The shared expert has a gate: the sigmoid of the mean of its input.",
            lambda m: [m.after([x.shared], "forward", lambda y, h: y * torch.sigmoid(h.mean(-1, keepdim=True))) for x in m.mixtures]),
    Mistake("R26", "op-order", "ffn_moe_out-1", "An expert's weight multiplies its input, not its output.", weighted_inputs),
    Mistake("R27", "cut", "ffn_moe_out-1", "An expert takes the first five tokens and drops the rest.", capacity),
    Mistake("R28", "term-missing", "ffn_moe_out-1", "Only the first of the chosen experts is added.",
            lambda m: m.instead(m.mixtures, "routed", lambda o, h, c, w: o(h, c[:, :1], w[:, :1]))),
    Mistake("R29", "permutation", "ffn_moe_out-1", "The two weights of a token change places.",
            lambda m: m.instead(m.mixtures, "routed", lambda o, h, c, w: o(h, c, w.flip(-1)))),
    Mistake("R30", "permutation", "ffn_moe_out-1", "Rows of fused experts are read as gate, up, gate, up.", interleaved, case="fused-experts"),
    Mistake("R31", "saturation", "ffn_out-0", "What the activation gives is clamped to ±0.3.",
            activation(lambda x: functional.silu(x).clamp(-0.3, 0.3))),
    Mistake("R32", "precision", "ffn_moe_out-1", "The experts' gate matrices have four bits.", expert_stack("gate", int4)),
    Mistake("R33", "other-weights", "ffn_moe_out-2", "Layer 2 has the experts of layer 1.",
            lambda m: m.every([m.layer(2).feed], gate=m.layer(1).feed.gate, up=m.layer(1).feed.up, down=m.layer(1).feed.down)),
    Mistake("R34", "permutation", "ffn_moe_out-1", "The down matrices are read in column order.",
            expert_stack("down", lambda w: w.reshape(w.shape[0], w.shape[2], w.shape[1]).mT)),
    Mistake("R35", "term-missing", "ffn_out-0", "Two devices have half of the dense block's inner channels each, and the second half is not added.",
            lambda m: m.after(dense(m), "between", half_inner(None))),
    Mistake("R36", "op-missing", "ffn_out-0", "The dense block does not multiply by up.",
            lambda m: [m.instead([b], "between", lambda _o, x, b=b: b.activation(b.gate(x))) for b in dense(m)]),
    Mistake("R37", "other-input", "ffn_moe_out-1", "The experts read the attention's normed input, the router the right one.", lambda m: early_input(m)),
    Mistake("R38", "other-constant", "ffn_moe_weights-1", "The sum of the weights has 0.1 more in the denominator.",
            weigh(lambda a, c, f: (w := a.gather(-1, c)) / (w.sum(-1, keepdim=True) + 0.1) * f)),
    Mistake("R39", "term-extra", "ffn_moe_out-1", "Expert 0 is added for all tokens once more.",
            lambda m: [m.after([x], "routed", lambda y, h, c, w, x=x: y + x.experts(torch.zeros_like(c[:, :1]))(h[:, None, None])[:, 0, 0]) for x in m.mixtures]),
    Mistake("R40", "shift", "ffn_moe_out-1", "Outputs of the experts go to the token after.",
            lambda m: m.after(m.mixtures, "routed", lambda y, *_: shifted(y))),
]


def early_input(m):
    for block in m.blocks:
        if hasattr(block.feed, "router"):
            kept = {}

            def keep(result, _x, kept=kept):
                kept["normed"] = result
                return result

            m.after([block.norm], "forward", keep)
            m.before([block.feed], "routed", lambda _h, kept=kept: kept["normed"])
