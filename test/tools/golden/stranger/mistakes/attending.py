"""Mistakes in the attention: its scores, shares, masks, heads and values."""

import torch

from .patient import Mistake, in_rows, shifted


def rescaled(by):
    return lambda m: m.every(m.attentions, scale=by)


def scores(change):
    return lambda m: m.after(m.attentions, "scores", lambda s, *_: change(s))


def masks(change):
    """`change(mask, positions)`; a query that would see nothing sees its own position."""

    def apply(mask, _chosen, positions, count):
        own = torch.arange(count) == positions[:, None]
        changed = change(mask, positions)
        return torch.where(changed.any(-1, keepdim=True), changed, own)

    return lambda m: m.after(m.attentions, "seen", apply)


def past(mask, positions):
    return torch.arange(mask.shape[1]) <= positions[:, None]


def share_all(_original, scores, mask):
    """Shares of all past positions; those that were not chosen are dropped afterwards."""
    later = ~mask.any(0) if mask.shape[0] == 1 else torch.ones(mask.shape[1], dtype=bool).repeat(len(mask), 1).triu(mask.shape[1] - len(mask) + 1)
    return scores.masked_fill(later, -torch.inf).softmax(-1) * mask


def soft_shares(_original, scores, mask):
    """Positions that were not chosen lose only one from their score."""
    count = mask.shape[1]
    later = torch.ones(len(mask), count, dtype=bool).triu(count - len(mask) + 1)
    return torch.where(mask, scores, scores - 1).masked_fill(later, -torch.inf).softmax(-1)


def one_rope_head(m):
    def change(original, plain, absorbed, turned, *rest):
        quiet = turned.clone()
        quiet[1:] = 0
        return original(plain, absorbed, quiet, *rest)

    m.instead(m.attentions, "scores", change)


def without_plain(m):
    m.instead([m.layer(3).attention], "scores",
              lambda o, plain, absorbed, *rest: o(torch.zeros_like(plain), torch.zeros_like(absorbed), *rest))


def raw_values(m):
    """Scores go by the normed latents, values by the raw ones."""
    for attention in m.attentions:
        kept = {"raw": []}

        def keep(_result, x, kept=kept):
            kept["raw"].append(x)
            return _result

        m.after([attention.kv_norm], "forward", keep)
        m.instead([attention], "values", lambda o, shares, _latents, kept=kept: o(shares, torch.cat(kept["raw"])))


def turned_first(m):
    """Rows of a query head are read as rotary channels first."""
    def split(_original, query, a):
        return query[..., a.turned :], query[..., : a.turned]

    for a in m.attentions:
        m.instead([a], "split_query", lambda o, query, a=a: split(o, query, a))


def rows_by_width(m):
    """The rows of q_b_proj are read as (width, heads) in place of (heads, width)."""
    for a in m.attentions:
        weight = a.q_up.weight
        a.q_up.weight = weight.unflatten(0, (-1, a.heads)).transpose(0, 1).flatten(0, 1)


def value_first(m):
    """A head of kv_b_proj is read as value rows and then key rows."""
    for a in m.attentions:
        both = torch.cat([a.key_up, a.value_up], 1)
        n = a.value_up.shape[1]
        a.value_up, a.key_up = both[:, :n], both[:, n:]


def all_keys_first(m):
    """kv_b_proj is read as the keys of all heads and then the values of all heads."""
    for a in m.attentions:
        flat = torch.cat([a.key_up, a.value_up], 1).flatten(0, 1)
        cut = a.heads * a.plain
        a.key_up, a.value_up = flat[:cut].unflatten(0, (a.heads, -1)), flat[cut:].unflatten(0, (a.heads, -1))


def cube_root(scores):
    return scores * (torch.arange(scores.shape[1]) + 2).log()[:, None]


ATTENTION = [
    Mistake("A01", "factor", "attn_out-0", "Scores are multiplied by 1.1.", rescaled(lambda s: s * 1.1)),
    Mistake("A02", "factor", "attn_out-0", "Scores are divided by the width of a head, not by its root.", rescaled(lambda s: s * s)),
    Mistake("A03", "factor", "attn_out-1", "Layer 1 scales its scores twice.",
            lambda m: m.every([m.layer(1).attention], scale=lambda s: s * s)),
    Mistake("A04", "other-op", "attn_out-0", "The softmax runs over the heads.",
            lambda m: m.instead(m.attentions, "shares", lambda _o, s, mask: s.softmax(0) * mask)),
    Mistake("A05", "factor", "attn_out-0", "The exponential has base 2, without the factor that this needs.",
            scores(lambda s: s * 0.6931472)),
    Mistake("A06", "term-extra", "attn_out-0", "The denominator of the softmax has one more, as a sink that takes part of the attention.",
            lambda m: m.instead(m.attentions, "shares",
                                lambda _o, s, mask: s.masked_fill(~mask, -torch.inf).exp() / (1 + (s.exp() * mask).sum(-1, keepdim=True)))),
    Mistake("A07", "factor-by-position", "attn_out-0", "Scores grow with the logarithm of the query's position.",
            scores(cube_root)),
    Mistake("A08", "other-op", "attn_out-0", "Scores are capped by tanh.", scores(lambda s: torch.tanh(s))),
    Mistake("A09", "permutation", "attn_out-0", "The outputs of the two heads change places.",
            lambda m: m.after(m.attentions, "values", lambda v, *_: v.flip(0))),
    Mistake("A10", "permutation", "attn_out-0", "The heads' outputs are joined channel by channel.",
            lambda m: m.after(m.attentions, "joined", lambda _j, v: v.permute(1, 2, 0).flatten(1))),
    Mistake("A11", "permutation", "q_nope-0", "Rows of q_b_proj are read with the heads as the fast axis.", rows_by_width),
    Mistake("A12", "permutation", "q_nope-0", "A query head is read as rotary channels first.", turned_first),
    Mistake("A13", "permutation", "q_nope_absorbed-0", "A head of kv_b_proj is read as value rows first.", value_first),
    Mistake("A14", "permutation", "q_nope_absorbed-0", "kv_b_proj is read as all keys, then all values.", all_keys_first),
    Mistake("A15", "permutation", "q_nope_absorbed-0", "Keys are expanded with the weights of the next head.",
            lambda m: m.every(m.attentions, key_up=lambda w: w.roll(1, 0))),
    Mistake("A16", "permutation", "attn_out-0", "Channels of the value rows are in opposite order.",
            lambda m: m.every(m.attentions, value_up=lambda w: w.flip(1))),
    Mistake("A17", "other-weights", "attn_out-1", "Layer 1 has the output matrix of layer 0.",
            lambda m: m.every([m.layer(1).attention.out], weight=m.layer(0).attention.out.weight)),
    Mistake("A18", "other-input", "attn_out-0", "Values come from the latents before their norm.", raw_values),
    Mistake("A19", "term-missing", "attn_out-0", "Only the first head adds the rotary part of the scores.", one_rope_head),
    Mistake("A20", "term-missing", "attn_out-0", "The rotary part of the scores is left out.",
            lambda m: m.instead(m.attentions, "scores",
                                lambda o, p, a, turned, *rest: o(p, a, torch.zeros_like(turned), *rest))),
    Mistake("A21", "term-missing", "attn_out-3", "Layer 3 scores by the rotary part alone.", without_plain),
    Mistake("A22", "mask", "attn_out-0", "A query does not see its own position.",
            masks(lambda mask, p: mask & (torch.arange(mask.shape[1]) < p[:, None]))),
    Mistake("A23", "mask", "attn_out-0", "The first position is always seen.",
            masks(lambda mask, p: mask | (torch.arange(mask.shape[1]) == 0))),
    Mistake("A24", "mask", "attn_out-0", "Of the chosen positions only the last eight before the query are seen.",
            masks(lambda mask, p: mask & (torch.arange(mask.shape[1]) > p[:, None] - 8))),
    Mistake("A25", "mask", "attn_out-0", "The last token of the text sees all positions.",
            masks(lambda mask, p: torch.where((p == 23)[:, None], past(mask, p), mask))),
    Mistake("A26", "shift", "attn_out-0", "A query attends to what the query before it has chosen.",
            masks(lambda mask, p: shifted(mask))),
    Mistake("A27", "op-order", "attn_out-0", "The softmax runs over all positions, and the others are dropped afterwards.",
            lambda m: m.instead(m.attentions, "shares", share_all)),
    Mistake("A28", "mask", "attn_out-0", "Positions that were not chosen only get one less.",
            lambda m: m.instead(m.attentions, "shares", soft_shares)),
    Mistake("A29", "other-weights", "q_nope_absorbed-0", "Both heads expand keys with the first head's weights.",
            lambda m: m.every(m.attentions, key_up=lambda w: w[:1].expand_as(w))),
    Mistake("A30", "cut", "attn_out-0", "Odd rows of the attention's output are zero.",
            lambda m: m.after([a.out for a in m.attentions], "forward", in_rows(lambda n: slice(1, n, 2), torch.zeros_like))),
    Mistake("A31", "cut", "attn_out-2", "In layer 2 the last seven rows, a tail of a tile, are not written.",
            lambda m: m.after([m.layer(2).attention.out], "forward", in_rows(lambda n: slice(n - 7, n), torch.zeros_like))),
    Mistake("A32", "cut", "attn_out-1", "In layer 1 the last four channels of the output are not written.",
            lambda m: m.after([m.layer(1).attention.out], "forward", lambda y, *_: torch.cat([y[:, :-4], torch.zeros_like(y[:, -4:])], 1))),
    Mistake("A33", "term-missing", "attn_out-0", "Two devices have a head each, and their outputs are not added: the first head's alone remains.",
            lambda m: m.after(m.attentions, "values", lambda v, *_: torch.cat([v[:1], torch.zeros_like(v[1:])]))),
    Mistake("A34", "factor", "attn_out-2", "Two devices add the same output of layer 2, so it is doubled.",
            lambda m: m.after([m.layer(2).attention.out], "forward", lambda y, *_: 2 * y)),
    Mistake("A35", "precision", "attn_out-0", "Shares of the attention are rounded to bfloat16.",
            lambda m: m.after(m.attentions, "shares", lambda s, *_: s.bfloat16().float())),
    Mistake("A36", "other-input", "kv_cmpr-3", "Layer 3 makes keys and values from the residual without its norm.",
            lambda m: raw_rows(m)),
    Mistake("A37", "mask", "attn_out-0", "Chosen positions are dropped where the share is below a tenth.",
            lambda m: m.after(m.attentions, "shares", lambda s, *_: s * (s >= 0.1))),
    Mistake("A38", "op-extra", "q_nope-0", "Queries are normed per head, as in other models.",
            lambda m: m.after(m.attentions, "split_query",
                              lambda q, _x: (q[0] * torch.rsqrt(q[0].square().mean(-1, keepdim=True) + 1e-6), q[1]))),
    Mistake("A39", "other-input", "q_nope-0", "Queries are expanded from the latent before its norm.", lambda m: raw_query(m)),
    Mistake("A40", "sign", "q_pe-0", "The second half of the rotary channels of a query has the other sign.",
            lambda m: m.after(m.attentions, "turn_query", lambda q, *_: torch.cat([q[..., :2], -q[..., 2:]], -1))),
]


def raw_query(m):
    for a in m.attentions:
        kept = {}

        def keep(result, _x, kept=kept):
            kept["raw"] = result
            return result

        m.after([a.q_down], "forward", keep)
        m.instead([a.q_up], "forward", lambda o, _x, kept=kept: o(kept["raw"]))


def raw_rows(m):
    """Layer 3 caches latents of the input before its norm."""
    block, kept = m.layer(3), {}

    def keep(result, x):
        kept["x"] = x
        return result

    m.after([block.norm], "forward", keep)
    m.instead([block.attention], "rows", lambda o, _hidden, positions: o(kept["x"], positions))
