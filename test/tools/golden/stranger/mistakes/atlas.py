"""Mistakes of the project's atlas, each in five forms, as a stranger would make them.

The forms: in the whole model; in one layer; from the second half of the text on, in steps of one; on another case, with
keys and values expanded and sums in blocks; in all layers but the first. Where a form makes no sense (a
draft layer is one layer) another case stands for it. The stage where a form begins is found by running
this engine with and without it.
"""

from dataclasses import dataclass

import torch

from .patient import Mistake


@dataclass(frozen=True)
class Known:
    bug: str
    word: str  # tells several of one bug apart
    relation: str
    sentence: str
    change: object
    cases: tuple = ("tiny-all", "clear-mtp", "offset3-freq4", "all-full", "custom-types")
    layer: int | None = None  # where the mistake is made in one layer
    late: bool = False  # whether it can begin in the middle of a text
    steps: tuple = ()


def halves(rotary, x, positions):
    a, b = x.chunk(2, -1)
    angles = rotary.angles(positions)
    return torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], -1)


def by_halves(parts):
    return lambda m: [m.instead([p.rotary], "forward", lambda _o, x, pos, r=p.rotary: halves(r, x, pos)) for p in parts(m)]


def turned_last(m):
    def turn(_original, x, positions, ranker):
        cut = x.shape[-1] - ranker.turned
        return torch.cat([ranker.rotary(x[..., cut:], positions), x[..., :cut]], -1)

    for r in m.rankers:
        m.instead([r], "turn", lambda o, x, p, r=r: turn(o, x, p, r))


def raw_ranker_query(m):
    for block in m.blocks:
        if block.ranker is not None:
            kept = {}

            def keep(result, _x, kept=kept):
                kept["raw"] = result
                return result

            m.after([block.attention.q_down], "forward", keep)
            m.instead([block.ranker], "query_input", lambda _o, _h, _l, kept=kept: kept["raw"])


def empty_is_first(m):
    """Each empty place of a short row counts row 0 once more."""
    for a in m.attentions:
        kept = {}

        def see(mask, chosen, *_, kept=kept):
            kept["times"] = mask[:, 0].float() + (chosen < 0).sum(-1)
            mask = mask.clone()
            mask[:, 0] = kept["times"] > 0
            return mask

        def weigh(scores, *_, kept=kept):
            scores[..., 0] += kept["times"].clamp_min(1).log()
            return scores

        m.after([a], "seen", see)
        m.after([a], "scores", weigh)


def filled_rows(m):
    """Empty places of a short row hold positions that are masked."""
    def change(chosen, scores, count):
        return scores.argsort(dim=-1, descending=True, stable=True)[:, :count]

    m.after(m.rankers, "choose", change)


def dense_borrowers(m):
    for block in m.blocks:
        if block.ranker is None:
            m.after([block.attention], "seen", lambda mask, _c, p, n: torch.arange(n) <= p[:, None])


def own_ranker(m):
    """The first layer that should borrow ranks with the matrices of the lender."""
    blocks = list(m.decoder.blocks)
    target = next(b for b in blocks if b.ranker is None)
    target.ranker = [b for b in blocks[: target.layer] if b.ranker is not None][-1].ranker


def pads_masked(m):
    """Token 1, an eos and the padding, is masked as a key."""
    for r in m.rankers:
        m.after([r], "masked", lambda s, *_: s.masked_fill(m.engine.tokens[: s.shape[1]] == 1, -torch.inf))


def ones_added(m):
    m.instead(m.rankers, "masked", lambda _o, s, p: s + (torch.arange(s.shape[1]) <= p[:, None]))


def one_ahead(m):
    def change(_original, scores, positions):
        return scores.masked_fill(torch.arange(scores.shape[1]) > positions[:, None] + 1, -torch.inf)

    m.instead(m.rankers, "masked", change)


def biased_weights(m):
    for r in m.routers:
        m.instead([r], "weigh", lambda _o, a, c, r=r: (w := (a + r.bias).gather(-1, c)) / (w.sum(-1, keepdim=True) + 1e-20) * r.factor)


def closed_with_zero(m):
    for r in m.routers:
        m.after([r], "within_groups", lambda s, _s: s.masked_fill(s == -torch.inf, 0))


def swapped_experts(m):
    for mixture in m.mixtures:
        mixture.gate, mixture.up = mixture.up, mixture.gate


def unnormed_hidden(m):
    kept = []

    def keep(result, x):
        kept.append(x)
        return result

    m.after([m.decoder.norm], "forward", keep)
    m.instead([m.drafter], "forward", lambda o, t, _h, n, note: o(t, torch.cat(kept), n, note))


def borrowed_rows(m):
    """The draft layer attends to what the main model's last ranking layer has chosen."""
    kept, last = [], [b for b in m.decoder.blocks if b.ranker is not None][-1]

    def keep(chosen, *_):
        kept.append(chosen)
        return chosen

    m.after([last.ranker], "choose", keep)
    m.after([m.drafter.block.ranker], "choose", lambda chosen, *_: kept[0][: len(chosen)])


def own_choice(m):
    m.every([m.drafter], shares=False)


def first_zero(m):
    m.after([m.drafter.token_norm], "forward", lambda y, _x: y * (torch.arange(len(y)) > 0)[:, None] if len(y) > 1 else y)


def gone_keys(m):
    """A prefill that is no longer than index_topk writes no keys."""
    def change(keys, _new, r, memory):
        if len(keys) <= r.keep:
            memory.index_keys = torch.zeros_like(keys)
        return memory.index_keys

    for block in m.decoder.blocks:
        if block.ranker is not None:
            m.after([block.memory], "add_index_keys", lambda k, n, r=block.ranker, b=block.memory: change(k, n, r, b))


def forgotten_keys(m):
    def change(keys, new):
        keys = keys.clone()
        if len(new) > 1:
            keys[: len(keys) - len(new)] = 0
        return keys

    m.after([b.memory for b in m.blocks], "add_index_keys", change)


def stale_rows(m):
    """A layer that borrows takes the last row of the step before."""
    before = {}

    def change(chosen, hidden, latent, positions, *_):
        stale = before.get("row")
        before["next"] = chosen
        return stale.expand_as(chosen) if stale is not None and stale.shape == chosen[-1:].shape else chosen

    for block in m.decoder.blocks:
        if block.ranker is None:
            m.after([block], "rank", change)
    m.after([m.decoder], "embed", lambda x, _t: before.update(row=before.get("next")) or x)


def router_bf16(m):
    m.after(m.routers, "logits", lambda y, _h: y.bfloat16().float())


BIAS = ("near-equal-bias", "groups2-bias", "near-equal-bias", "groups2-bias", "near-equal-bias")
EPS = ("eps-visible",) * 5
DRAFTS = ("tiny-all", "clear-mtp", "real-ratios", "tiny-all", "clear-mtp")

ATLAS = [
    Known("G13", "halves", "permutation", "The attention rotates halves.", by_halves(lambda m: m.attentions), layer=2, late=True),
    Known("G14", "halves", "permutation", "The indexer rotates halves.", by_halves(lambda m: m.rankers), layer=1, late=True),
    Known("D6", "other way", "sign", "The attention rotates the other way round.",
          lambda m: m.every([a.rotary for a in m.attentions], frequencies=lambda f: -f), layer=2),
    Known("G03", "10000", "other-constant", "The rotary base is 10,000.",
          lambda m: m.every([x.rotary for x in [*m.attentions, *m.rankers]], frequencies=lambda f: 1e4 ** (-torch.arange(len(f)) / len(f))), layer=1),
    Known("G17", "latent norms", "eps", "The latent norms have eps 1e-5.",
          lambda m: m.every([n for a in m.attentions for n in (a.q_norm, a.kv_norm)], eps=1e-5), cases=EPS, layer=1),
    Known("G18", "1e-5", "eps", "The index key norm has eps 1e-5.", lambda m: m.every([r.key_norm for r in m.rankers], eps=1e-5), cases=EPS, layer=1),
    Known("G19", "absorbed", "factor", "The scale counts latent and rope.",
          lambda m: m.every(m.attentions, scale=(m.layer(0).attention.rank + m.layer(0).attention.turned) ** -0.5), layer=2),
    Known("G01", "nope", "factor", "The scale counts the plain channels alone.",
          lambda m: m.every(m.attentions, scale=m.layer(0).attention.plain ** -0.5), layer=1),
    Known("G20", "row 0", "mask", "An empty place of a short row is read as row 0.", empty_is_first, layer=0),
    Known("G20", "filled", "choice", "Short rows are filled with masked positions.", filled_rows, layer=1),
    Known("G22", "every row", "mask", "Layers that borrow attend to every row.", dense_borrowers, layer=2, late=True,
          cases=("tiny-all", "clear-mtp", "offset3-freq4", "pattern-list", "custom-types")),
    Known("G22", "step before", "choice", "Layers that borrow use the row of the step before.", stale_rows, steps=(1,) * 64,
          cases=("tiny-all", "clear-mtp", "offset3-freq4", "pattern-list", "custom-types")),
    Known("G05", "own", "choice", "A layer that should borrow ranks with another layer's indexer.", own_ranker,
          cases=("tiny-all", "clear-mtp", "offset3-freq4", "pattern-list", "custom-types")),
    Known("G10", "RMSNorm", "op-missing", "The index key norm is an RMSNorm.",
          lambda m: [m.every([r.key_norm for r in m.rankers], bias=torch.zeros_like),
                     m.instead([r.key_norm for r in m.rankers], "center", lambda _o, x: x)], layer=1),
    Known("G10", "no bias", "term-missing", "The index key norm has no bias.",
          lambda m: m.every([r.key_norm for r in m.rankers], bias=torch.zeros_like), layer=1),
    Known("G12", "pad", "mask", "The padding token is masked, though it is a token.", pads_masked, cases=("tiny-all",) * 5, layer=1),
    Known("G15", "from the end", "permutation", "The indexer's rotary channels come from the end.", turned_last, layer=1, late=True),
    Known("G16", "before q_a_layernorm", "other-input", "The indexer reads the query latent before its norm.", raw_ranker_query, layer=1, late=True),
    Known("D6", "ReLU", "op-missing", "Scores lack the ReLU.", lambda m: m.instead(m.rankers, "gate", lambda _o, x: x), layer=1, late=True),
    Known("G28", "sign", "other-op", "Negative head weights lose their sign.",
          lambda m: m.instead(m.rankers, "scores", lambda o, q, k, w: o(q, k, w.abs())), layer=1, late=True),
    Known("G28", "cut", "other-op", "Negative head weights are cut at zero.",
          lambda m: m.instead(m.rankers, "scores", lambda o, q, k, w: o(q, k, w.clamp_min(0))), layer=1, late=True),
    Known("G28", "softmax", "op-extra", "Head weights go through a softmax.",
          lambda m: m.instead(m.rankers, "scores", lambda o, q, k, w: o(q, k, w.softmax(-1))), layer=1, late=True),
    Known("G21", "added", "mask", "A mask of ones and zeros is added to the scores.", ones_added, layer=1),
    Known("D6", "after its own", "mask", "A query may choose one position after its own.", one_ahead, layer=1),
    Known("G32", "nothing is dropped", "choice", "index_topk is so high that nothing is dropped.", lambda m: m.every(m.rankers, keep=32768)),
    Known("D6", "too few", "choice", "One row too few is chosen.",
          lambda m: m.after(m.rankers, "choose", lambda c, _s, n: torch.cat([c[:, : n - 1], torch.full_like(c[:, n - 1 :], -1)], 1)), layer=1, late=True),
    Known("G08", "bias is rounded", "precision", "The correction bias is rounded to bf16.",
          lambda m: m.every(m.routers, bias=lambda b: b.bfloat16().float()), cases=("near-equal-bias",) * 5, layer=2),
    Known("G35", "matrix product", "precision", "The router's product is rounded to bf16.", router_bf16, layer=2, late=True),
    Known("G36", "biased", "other-input", "Weights are taken from the biased scores.", biased_weights, cases=BIAS, layer=2, late=True),
    Known("D9", "without the bias", "term-missing", "Experts are chosen without the bias.",
          lambda m: m.instead(m.routers, "biased", lambda _o, a: a), cases=("near-equal-bias", "groups2-bias", "near-equal-bias", "near-equal-bias", "groups2-bias"), layer=2),
    Known("G36", "never", "factor", "routed_scaling_factor is never applied.", lambda m: m.every(m.routers, factor=1.0), layer=2),
    Known("G36", "sum of the experts", "factor", "routed_scaling_factor is applied twice.",
          lambda m: m.after(m.mixtures, "routed", lambda y, *_: 2.5 * y), layer=2, late=True),
    Known("G36", "shared expert", "factor", "The shared expert is scaled as well.",
          lambda m: m.after([x.shared for x in m.mixtures], "forward", lambda y, _h: 2.5 * y), layer=2, late=True),
    Known("D9", "not normed", "op-missing", "Weights are not divided by their sum.", lambda m: m.every(m.routers, normed=False), layer=2),
    Known("D9", "closed groups", "choice", "Closed groups are masked with zero.", closed_with_zero, cases=("groups2-bias",) * 5, layer=2),
    Known("G39", "gate and up", "permutation", "Gate and up are swapped in the experts.", swapped_experts, layer=2),
    Known("G40", "before shared_head.norm", "other-input", "Drafts recycle the hidden state before its norm.",
          lambda m: m.instead([m.drafter], "recycled", lambda _o, before, _a: before), cases=DRAFTS),
    Known("G40", "twice", "op-twice", "shared_head.norm is applied twice.",
          lambda m: m.after([m.drafter.norm], "forward", lambda y, _x: m.drafter.norm.unit(y) * m.drafter.norm.gain), cases=DRAFTS),
    Known("G40", "before model.norm", "other-input", "Drafts start from the hidden state before the model's norm.", unnormed_hidden, cases=DRAFTS),
    Known("G41", "hidden state first", "permutation", "The halves of eh_proj are exchanged.",
          lambda m: m.instead([m.drafter], "halves", lambda _o, t, h: torch.cat([h, t], -1)), cases=DRAFTS),
    Known("G42", "selects for itself", "choice", "Every draft step ranks for itself.", own_choice, cases=DRAFTS),
    Known("G42", "main model", "choice", "The draft layer borrows the main model's choice.", borrowed_rows, cases=DRAFTS),
    Known("G43", "slot 0", "cut", "The embedding of slot 0 is zero.", first_zero, cases=DRAFTS),
    Known("G23", "prefill", "cut", "A short prefill writes no index keys.", gone_keys, steps=(4, *[3] * 20),
          cases=("tiny-all", "clear-mtp", "offset3-freq4", "all-full", "custom-types")),
    Known("G24", "forgets", "cut", "A step of several tokens forgets the index keys before it.", forgotten_keys, steps=(7,) * 10),
]


def form_of(known, number):
    """One of five forms: `(mistake, arguments of Patient, whether sums and attention are done otherwise)`."""
    case, scope, steps = known.cases[number], {}, known.steps
    if number == 1 and known.layer is not None:
        case, scope = known.cases[0], {"layers": [known.layer]}
    if number == 2 and known.late:
        case, scope, steps = known.cases[0], {"since": 12}, (12, *[1] * 100)
    if number == 4 and known.layer is not None:
        case, scope = known.cases[0], {"layers": range(1, 100)}
    mistake = Mistake(
        f"{known.bug}-{known.word.replace(' ', '_')}-{number + 1}", known.relation, "", known.sentence,
        known.change, case, steps, number == 3)
    return mistake, scope


FORMS = [form_of(known, number) for known in ATLAS for number in range(5)]
