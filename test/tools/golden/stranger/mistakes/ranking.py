"""Mistakes in the indexer, its choice, and what layers borrow of it."""

import torch

from .patient import Mistake, shifted


def gate(change):
    return lambda m: m.instead(m.rankers, "gate", lambda _o, products: change(products))


def scores(change):
    return lambda m: m.after(m.rankers, "scores", lambda s, *_: change(s))


def choice(function):
    """`function(scores, count)` in place of the choice; masked places become −1."""

    def choose(_original, scores, count):
        order = function(scores, count)
        return order.masked_fill(scores.gather(-1, order) == -torch.inf, -1)

    return lambda m: m.instead(m.rankers, "choose", choose)


def best(scores, count):
    return scores.argsort(dim=-1, descending=True, stable=True)[:, :count]


def lifted(where):
    """Some positions are always among the chosen; `where(scores, rows)` tells which."""

    def function(scores, count):
        rows = (scores > -torch.inf).sum(-1, keepdim=True) - 1
        lift = where(torch.arange(scores.shape[1]), rows) & (scores > -torch.inf)
        return best(scores + lift * 1e6, count)

    return choice(function)


def by_blocks(scores, count):
    """Blocks of two positions are ranked by their sums."""
    finite = scores.clamp_min(-1e9)
    padded = torch.nn.functional.pad(finite, (0, finite.shape[1] % 2), value=-1e9)
    sums = padded.unflatten(-1, (-1, 2)).sum(-1).repeat_interleave(2, -1)[:, : scores.shape[1]]
    return best(sums.masked_fill(scores == -torch.inf, -torch.inf), count)


def of_first_query(scores, count):
    """All queries of a step take the choice of its first query."""
    return best(scores[:1], count).expand(len(scores), -1)


def without_eighths(scores, count):
    return best(torch.where(torch.arange(scores.shape[1]) % 8 == 7, scores - 1e6, scores), count)


def raw_hidden_keys(m):
    for block in m.blocks:
        if block.ranker is None:
            continue
        kept = {}

        def keep(result, x, kept=kept):
            kept["x"] = x
            return result

        m.after([block.norm], "forward", keep)
        m.instead([block.ranker], "keys", lambda o, _h, p, kept=kept: o(kept["x"], p))


def half_of_heads(m):
    m.instead(m.rankers, "scores", lambda o, q, k, w: o(q[:8], k, w[:, :8]))


def rows_by_width(m):
    for r in m.rankers:
        weight = r.from_latent.weight
        r.from_latent.weight = weight.unflatten(0, (-1, r.heads)).transpose(0, 1).flatten(0, 1)


def norm_after_turn(m):
    for r in m.rankers:
        m.instead([r], "keys", lambda _o, h, p, r=r: r.key_norm(r.turn(r.from_hidden(h), p)))


def borrowed(change):
    """`change(choice)` of layers that borrow."""

    def apply(m):
        lenders = [b for b in m.blocks if b.ranker is None]
        m.after(lenders, "rank", lambda chosen, *_: change(chosen))

    return apply


def of_first_layer(m):
    kept = {}

    def keep(chosen, *_):
        kept["first"] = chosen
        return chosen

    m.after([m.layer(0)], "rank", keep)
    m.after([b for b in m.blocks if b.ranker is None], "rank", lambda *_: kept["first"])


def with_own(m):
    def change(chosen, _h, _l, positions, *_):
        chosen = chosen.clone()
        lowest = chosen.masked_fill(chosen < 0, 10**6).argmin(-1)
        missing = ~(chosen == positions[:, None]).any(-1)
        chosen[missing, lowest[missing]] = positions[missing]
        return chosen

    m.after([b for b in m.blocks if b.ranker is None], "rank", change)


def relative(m):
    def change(chosen, _h, _l, positions, *_):
        moved = (chosen - positions[0]).clamp_min(0)
        return torch.where(chosen < 0, chosen, moved)

    m.after([b for b in m.blocks if b.ranker is None], "rank", change)


RANKING = [
    Mistake("I01", "other-weights", "indexer_q-1", "Layer 1 ranks with the query matrix of layer 0.",
            lambda m: m.every([m.layer(1).ranker.from_latent], weight=m.layer(0).ranker.from_latent.weight)),
    Mistake("I02", "other-input", "indexer_k-0", "Index keys are made from the residual without its norm.", raw_hidden_keys),
    Mistake("I03", "op-extra", "indexer_weights-0", "Head weights go through a sigmoid.",
            lambda m: m.after(m.rankers, "weights", lambda w, _h: torch.sigmoid(w))),
    Mistake("I04", "permutation", "indexer_weights-0", "Head weights are in opposite order.",
            lambda m: m.after(m.rankers, "weights", lambda w, _h: w.flip(-1))),
    Mistake("I05", "factor", "indexer_score-0", "Scores lack the factor of the number of heads.",
            lambda m: m.every(m.rankers, factor=lambda f: f * 4)),
    Mistake("I06", "other-op", "indexer_score-0", "The ReLU is an absolute value.", gate(torch.abs)),
    Mistake("I07", "other-op", "indexer_score-0", "The ReLU is a GELU.", gate(torch.nn.functional.gelu)),
    Mistake("I08", "other-op", "indexer_score-0", "The ReLU lets a tenth of negative products pass.",
            gate(lambda x: torch.nn.functional.leaky_relu(x, 0.1))),
    Mistake("I09", "op-order", "indexer_score-0", "The ReLU comes after the sum over heads.",
            lambda m: (gate(lambda x: x)(m), scores(lambda s: s.clamp_min(0))(m))),
    Mistake("I10", "other-op", "indexer_score-0", "The ReLU squares what it lets pass.", gate(lambda x: x.clamp_min(0) ** 2)),
    Mistake("I11", "permutation", "indexer_q-0", "Rows of wq_b are read with the heads as the fast axis.", rows_by_width),
    Mistake("I12", "op-twice", "indexer_k-0", "Index keys are normed twice.",
            lambda m: [m.after([r], "keys", lambda _y, h, p, r=r: r.turn(r.key_norm(r.key_norm(r.from_hidden(h))), p)) for r in m.rankers]),
    Mistake("I13", "other-weights", "indexer_k-1", "Layer 1 norms index keys with the gain of layer 0.",
            lambda m: m.every([m.layer(1).ranker.key_norm], gain=m.layer(0).ranker.key_norm.gain)),
    Mistake("I14", "op-order", "indexer_k-0", "Index keys are rotated before they are normed.", norm_after_turn),
    Mistake("I15", "other-op", "indexer_k-0", "Index keys are brought to length one.",
            lambda m: m.after(m.rankers, "keys", lambda k, *_: k / k.norm(dim=-1, keepdim=True))),
    Mistake("I16", "choice", "top_k-0", "The smallest scores are chosen.",
            choice(lambda s, n: best(torch.where(s == -torch.inf, s, -s), n))),
    Mistake("I17", "choice", "top_k-0", "One position more is chosen than the config says.",
            lambda m: m.every(m.rankers, keep=lambda k: k + 1)),
    Mistake("I18", "choice", "top_k-0", "The last two positions are always chosen.", lifted(lambda s, row: s > row - 2)),
    Mistake("I19", "choice", "top_k-0", "The first position is always chosen.", lifted(lambda s, _row: s == 0)),
    Mistake("I20", "choice", "top_k-0", "Scores are ranked by their magnitude.",
            choice(lambda s, n: best(torch.where(s == -torch.inf, s, s.abs()), n))),
    Mistake("I21", "choice", "top_k-0", "Blocks of two positions are ranked, not positions.", choice(by_blocks)),
    Mistake("I22", "choice", "top_k-0", "All queries of a step take what its first query has chosen.",
            choice(of_first_query), steps=(8, 8, 8)),
    Mistake("I23", "mask", "indexer_score-0", "A query may not choose its own position.",
            lambda m: m.after(m.rankers, "masked", lambda s, _s, p: s.masked_fill(torch.arange(s.shape[1]) == torch.where(p > 0, p, -1)[:, None], -torch.inf))),
    Mistake("I24", "precision", "indexer_score-0", "Scores are rounded to bfloat16.", scores(lambda s: s.bfloat16().float())),
    Mistake("I25", "term-missing", "indexer_score-0", "Only the first eight heads of sixteen are summed.", half_of_heads),
    Mistake("I26", "term-extra", "indexer_score-0", "Scores lose a hundredth for each position of distance.",
            lambda m: m.after(m.rankers, "masked", lambda s, _s, p: s - 0.01 * (p[:, None] - torch.arange(s.shape[1])))),
    Mistake("I27", "shift", "indexer_weights-0", "Head weights are those of the token before.",
            lambda m: m.after(m.rankers, "weights", lambda w, _h: shifted(w))),
    Mistake("I28", "choice", "top_k-0", "The last position of each page of eight is never chosen while others are left.",
            choice(without_eighths)),
    Mistake("I29", "choice", "top_k-2", "Layers that borrow take the choice of layer 0.", of_first_layer),
    Mistake("I30", "shift", "top_k-2", "Layers that borrow take the row of the query before.", borrowed(shifted)),
    Mistake("I31", "choice", "top_k-2", "Layers that borrow use half of the chosen positions.",
            borrowed(lambda c: torch.cat([c[:, :2], torch.full_like(c[:, 2:], -1)], 1))),
    Mistake("I32", "choice", "top_k-2", "Layers that borrow put the own position in place of the earliest.", with_own),
    Mistake("I33", "choice", "top_k-2", "Borrowed positions are counted from the start of the step.", relative, steps=(8, 8, 8)),
    Mistake("I34", "sign", "indexer_score-0", "Head weights are subtracted: scores have the other sign.", scores(lambda s: -s)),
]
