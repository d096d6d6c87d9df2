"""Mistakes in positions and rotation."""

import torch

from .patient import Mistake


def positions(method, change):
    """`change(positions)` for one of the attention's rotations."""
    return lambda m: m.instead(m.attentions, method, lambda o, x, p: o(x, change(p)))


def all_rotaries(m):
    return [*(r.rotary for r in m.rankers), *(a.rotary for a in m.attentions)]


def angles(change):
    """`change(angles, positions, frequencies)` in the attention alone."""

    def apply(m):
        for rotary in [a.rotary for a in m.attentions]:
            m.after([rotary], "angles", lambda y, p, r=rotary: change(y, p, r.frequencies))

    return apply


def everywhere(change):
    """`change(positions)` in all rotations."""
    return lambda m: m.before(all_rotaries(m), "angles", change)


def plain_turned(m):
    """The plain channels are rotated, and the rotary ones are not."""
    for a in m.attentions:
        m.instead([a], "turn_query", lambda _o, x, _p: x)
        m.after([a], "split_query", lambda q, _x, a=a: (
            torch.cat([a.rotary(q[0][..., :4], torch.arange(q[0].shape[1])), q[0][..., 4:]], -1), q[1]))


def frequencies(change):
    return lambda m: m.every([a.rotary for a in m.attentions], frequencies=change)


TURNING = [
    Mistake("T01", "shift", "q_pe-0", "Queries count positions from one, keys from zero.", positions("turn_query", lambda p: p + 1)),
    Mistake("T02", "shift", "k_pe-0", "Keys count positions from one, queries from zero.", positions("turn_key", lambda p: p + 1)),
    Mistake("T03", "cut", "q_pe-0", "Queries count positions anew in each step of eight tokens.",
            positions("turn_query", lambda p: p - p[0]), steps=(8, 8, 8)),
    Mistake("T04", "other-constant", "indexer_q-0", "The base of all rotations is that of GLM-5, 1,000,000.",
            lambda m: m.every(all_rotaries(m), frequencies=lambda f: 1 / 1e6 ** (torch.arange(len(f)) / len(f)))),
    Mistake("T05", "factor", "indexer_q-0", "Positions are halved, as for a context that is stretched twofold.", everywhere(lambda p: p / 2)),
    Mistake("T06", "sign", "indexer_q-0", "The indexer turns the other way.",
            lambda m: m.every([r.rotary for r in m.rankers], frequencies=lambda f: -f)),
    Mistake("T07", "other-constant", "q_pe-0", "Exponents of the attention's frequencies go by twice the width.",
            frequencies(lambda f: 8e6 ** (-torch.arange(len(f)) / (2 * len(f))))),
    Mistake("T08", "permutation", "q_pe-0", "The attention's frequencies are in opposite order.", frequencies(lambda f: f.flip(0))),
    Mistake("T09", "other-op", "q_pe-0", "Sine and cosine are exchanged in the attention.",
            angles(lambda y, *_: torch.pi / 2 - y)),
    Mistake("T10", "other-input", "q_nope-0", "The first channels of the plain part are rotated in queries, the rotary part is not.", plain_turned),
    Mistake("T11", "op-twice", "q_pe-0", "Queries are rotated twice.",
            lambda m: m.after(m.attentions, "turn_query", lambda y, _x, p: m.layer(0).attention.rotary(y, p))),
    Mistake("T12", "op-missing", "k_pe-0", "Keys of the attention are not rotated.",
            lambda m: m.instead(m.attentions, "turn_key", lambda _o, x, _p: x)),
    Mistake("T13", "op-missing", "q_pe-2", "Layer 2 rotates neither queries nor keys.",
            lambda m: [m.instead([m.layer(2).attention], name, lambda _o, x, _p: x) for name in ("turn_query", "turn_key")]),
    Mistake("T14", "op-missing", "indexer_k-0", "Keys of the indexer are not rotated.",
            lambda m: m.instead(m.rankers, "turn_key", lambda _o, x, _p: x)),
    Mistake("T15", "cut", "indexer_q-0", "The table of angles ends at position 15, and later positions take its last row.", everywhere(lambda p: p.clamp_max(15))),
    Mistake("T16", "cut", "q_pe-0", "The attention's positions start again after 16.",
            lambda m: [positions(name, lambda p: p % 16)(m) for name in ("turn_query", "turn_key")]),
    Mistake("T17", "precision", "q_pe-0", "Angles of the attention are computed in bfloat16.", angles(lambda y, *_: y.bfloat16().float())),
    Mistake("T18", "cut", "q_pe-0", "Only the first pair of channels is rotated in the attention.",
            frequencies(lambda f: f * (torch.arange(len(f)) < 1))),
    Mistake("T19", "factor-by-channel", "q_pe-0", "Slow frequencies of the attention are divided by 40, as YaRN does.",
            frequencies(lambda f: torch.where(f < 0.1, f / 40, f))),
    Mistake("T20", "sign", "k_pe-0", "Keys of the attention turn the other way.", positions("turn_key", lambda p: -p)),
    Mistake("T21", "other-op", "indexer_q-0", "Each channel of the indexer's query is rotated in all its width, plain channels too.",
            lambda m: m.instead(m.rankers, "turn_query", lambda _o, x, p: wide(m, x, p))),
    Mistake("T22", "factor", "q_pe-0", "Rotated queries are multiplied by 1.2, as an attention factor.",
            lambda m: m.after(m.attentions, "turn_query", lambda y, *_: 1.2 * y)),
    Mistake("T23", "cut", "indexer_q-0", "Positions stand still when the prompt of twelve tokens is over.",
            everywhere(lambda p: p.clamp_max(12)), steps=(12, *[1] * 12)),
]


def wide(m, x, p):
    width = x.shape[-1]
    table = 1 / 8e6 ** (torch.arange(0, width, 2) / width)
    rotary = m.rankers[0].rotary
    angles = p.float()[:, None] * table
    return rotary.unpaired(rotary.pairs(x) * torch.polar(torch.ones_like(angles), angles))
