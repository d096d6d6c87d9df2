"""Mistakes in how weights are loaded, and in the draft layer."""

import torch

from .patient import Mistake, shifted


def weight(part, change, layers=None):
    """`change(weight)` of a matrix of the attention."""
    return lambda m: m.every(
        [getattr(m.layer(n).attention if layers else b.attention, part) for n, b in
         ([(n, None) for n in layers] if layers else enumerate(m.blocks))], weight=change)


def of_layer(parts, target, source):
    def apply(m):
        for part in parts:
            getattr(m.layer(target).attention, part).weight = getattr(m.layer(source).attention, part).weight

    return apply


def whole_attention(m):
    """Layer 4 has all of layer 2's attention."""
    of_layer(["q_down", "q_up", "kv_down", "out"], 4, 2)(m)
    for part in ("key_up", "value_up"):
        setattr(m.layer(4).attention, part, getattr(m.layer(2).attention, part))


def column_order(w):
    return w.reshape(w.shape[1], w.shape[0]).mT.contiguous()


def int4(w):
    step = w.abs().amax(-1, keepdim=True) / 7
    return torch.round(w / step) * step


def rescaled(m, change):
    """Scales of e4m3 blocks are used otherwise: `change(scales)`."""
    from engine.checkpoint import Checkpoint

    source = Checkpoint(m.engine.folder / "model")
    for name in list(source.stored):
        if name.endswith("_scale_inv"):
            source.stored[name] = change(source.stored[name])
    for layer, block in enumerate(m.decoder.blocks):
        prefix = f"model.layers.{layer}.self_attn"
        for part, name in (("q_down", "q_a_proj"), ("q_up", "q_b_proj"), ("kv_down", "kv_a_proj_with_mqa"), ("out", "o_proj")):
            getattr(block.attention, part).weight = source.get(f"{prefix}.{name}.weight")


LOADING = [
    Mistake("W01", "other-weights", "qr-2", "Layer 2 has the query-down matrix of layer 1.", of_layer(["q_down"], 2, 1)),
    Mistake("W02", "other-weights", "qr-4", "Layer 4 has all matrices of layer 2's attention.", whole_attention),
    Mistake("W03", "permutation", "kv_cmpr-0", "Rows of kv_a_proj_with_mqa are read as rotary rows first.",
            weight("kv_down", lambda w: torch.cat([w[4:], w[:4]]))),
    Mistake("W04", "permutation", "q_nope-0", "q_b_proj is read in column order.", weight("q_up", column_order)),
    Mistake("W05", "other-constant", "qr-0", "Scales of e4m3 blocks are divided by instead of multiplied.",
            lambda m: rescaled(m, lambda s: 1 / s), case="fp8-blocks"),
    Mistake("W06", "other-constant", "qr-0", "All blocks of a matrix take the scale of its first block.",
            lambda m: rescaled(m, lambda s: s[:1, :1].expand_as(s)), case="fp8-blocks"),
    Mistake("W07", "op-missing", "qr-0", "Scales of e4m3 blocks are left out.",
            lambda m: rescaled(m, torch.ones_like), case="fp8-blocks"),
    Mistake("W08", "precision", "q_nope-2", "q_b_proj of layer 2 has four bits.", weight("q_up", int4, [2])),
    Mistake("W09", "permutation", "indexer_k-0", "Rows of wk begin two rows late.",
            lambda m: m.every([r.from_hidden for r in m.rankers], weight=lambda w: w.roll(-2, 0))),
    Mistake("W10", "cut", "q_nope-3", "The last rows of q_b_proj in layer 3 are left at zero.",
            weight("q_up", lambda w: torch.cat([w[:-6], torch.zeros_like(w[-6:])]), [3])),
    Mistake("W11", "precision", "kv_cmpr-0", "kv_a_proj_with_mqa is loaded through float8 (e5m2).",
            weight("kv_down", lambda w: w.to(torch.float8_e5m2).float())),
    Mistake("W12", "sign", "attn_out-4", "The output matrix of layer 4 has the other sign.", weight("out", lambda w: -w, [4])),
    Mistake("W13", "permutation", "qr-1", "Two halves of the hidden channels are exchanged in q_a_proj of layer 1.",
            weight("q_down", lambda w: w.roll(16, 1), [1])),
    Mistake("W14", "term-extra", "kv_cmpr-1", "Layer 1 adds a bias of 0.1 to kv_a_proj_with_mqa, which has none.",
            lambda m: m.after([m.layer(1).attention.kv_down], "forward", lambda y, _x: y + 0.1)),
    Mistake("W15", "op-missing", "kv_cmpr-0", "Latents are not normed.",
            lambda m: m.instead([a.kv_norm for a in m.attentions], "forward", lambda _o, x: x)),
    Mistake("W16", "op-twice", "qr-0", "The query latent is normed twice.",
            lambda m: [m.after([a.q_norm], "forward", lambda y, _x, a=a: a.q_norm.unit(y) * a.q_norm.gain) for a in m.attentions]),
    Mistake("W17", "other-weights", "qr-3", "The query latent of layer 3 has the gain of layer 0.",
            lambda m: m.every([m.layer(3).attention.q_norm], gain=m.layer(0).attention.q_norm.gain)),
    Mistake("W18", "other-op", "kv_cmpr-0", "Latents lose their mean before they are normed.",
            lambda m: m.before([a.kv_norm for a in m.attentions], "unit", lambda x: x - x.mean(-1, keepdim=True))),
]


def draft(part, method, change):
    """`change(result, *arguments)` of a part of the draft layer."""
    return lambda m: m.after([getattr(m.drafter, part) if part else m.drafter], method, change)


def swapped_gains(m):
    d = m.drafter
    d.token_norm.gain, d.hidden_norm.gain = d.hidden_norm.gain, d.token_norm.gain


def later_positions(m):
    def change(original, tokens, hidden, positions, borrowed, number, note):
        return original(tokens, hidden, positions + (number > 0), borrowed, number, note)

    m.instead([m.drafter], "step", change)


def tokens_unshifted(m):
    def change(original, tokens, hidden, positions, borrowed, number, note):
        if number == 0:
            tokens = m.engine.tokens[:-1]
        return original(tokens, hidden, positions, borrowed, number, note)

    m.instead([m.drafter], "step", change)


def hidden_shifted(m):
    m.instead([m.drafter], "forward", lambda o, tokens, hidden, steps, note: o(tokens, hidden.roll(-1, 0), steps, note))


def pinned(m):
    """Every draft step starts from the model's own last hidden state."""
    kept = {}

    def keep(original, tokens, hidden, steps, note):
        kept["last"] = hidden[-2:-1]
        return original(tokens, hidden, steps, note)

    m.instead([m.drafter], "forward", keep)
    m.instead([m.drafter], "recycled", lambda *_: kept["last"])


def dense_drafts(m):
    m.every([m.drafter.block.ranker], keep=1000)


def first_guess(m):
    kept = {}

    def change(original, logits):
        return kept.setdefault("first", original(logits))

    m.instead([m.drafter], "guess", change)


def growing_row(m):
    """The shared row has the draft's own slot in place of its earliest one."""
    def change(original, tokens, hidden, positions, borrowed, number, note):
        if borrowed is not None:
            borrowed = borrowed.sort(-1).values.clone()
            borrowed[0, 0] = positions[0]
        return original(tokens, hidden, positions, borrowed, number, note)

    m.instead([m.drafter], "step", change)


DRAFTING = [
    Mistake("D01", "shift", "mtp_enorm-0", "A slot gets its own token, not the next.", tokens_unshifted),
    Mistake("D02", "shift", "mtp_hnorm-0", "A slot gets the hidden state of the position after it.", hidden_shifted),
    Mistake("D03", "other-weights", "mtp_enorm-0", "The gains of enorm and hnorm are exchanged.", swapped_gains),
    Mistake("D04", "op-missing", "mtp_hnorm-0", "The hidden state is not normed for drafts.",
            lambda m: m.instead([m.drafter.hidden_norm], "forward", lambda _o, x: x)),
    Mistake("D05", "other-input", "mtp_eh_proj-0", "The embedding stands in both halves of the fused input.",
            lambda m: m.instead([m.drafter], "halves", lambda _o, tokens, _h: torch.cat([tokens, tokens], -1))),
    Mistake("D06", "other-weights", "mtp_logits-0", "Drafts use the embedding as their head.",
            lambda m: m.instead([m.drafter], "head", lambda _o, x: x @ m.decoder.table.mT)),
    Mistake("D07", "other-weights", "mtp_hidden-0", "Drafts end in the model's last norm, not in their own.",
            lambda m: m.every([m.drafter.norm], gain=m.decoder.norm.gain)),
    Mistake("D08", "shift", "mtp_hidden-1", "Later draft steps stand one position too far.", later_positions),
    Mistake("D09", "choice", "mtp_enorm-1", "The second most likely token is taken as the guess.",
            lambda m: m.instead([m.drafter], "guess", lambda _o, x: x[-1:].topk(2).indices[:, 1])),
    Mistake("D10", "other-input", "mtp_hnorm-1", "Every draft step starts from the model's own hidden state.", pinned),
    Mistake("D11", "choice", "mtp_hidden-1", "Later draft steps attend to what the first slot has chosen.",
            draft(None, "shared_row", lambda _r, chosen: chosen[:1])),
    Mistake("D12", "choice", "top_k-5", "The draft layer attends to all slots.", dense_drafts),
    Mistake("D13", "term-missing", "l_out-5", "The draft layer lacks its last residual.",
            lambda m: m.after([m.drafter.block], "close", lambda _r, _h, more: more)),
    Mistake("D14", "other-input", "mtp_enorm-2", "Later draft steps start from the first guess again.", first_guess),
    Mistake("D15", "other-weights", "indexer_q-5", "The draft layer ranks with the matrices of layer 3.",
            lambda m: m.every([m.drafter.block.ranker.from_latent], weight=m.layer(3).ranker.from_latent.weight)),
    Mistake("D16", "choice", "mtp_hidden-1", "The shared row takes in the draft's own slot.", growing_row),
    Mistake("D17", "op-missing", "mtp_enorm-0", "The embedding of drafts is not normed.",
            lambda m: m.instead([m.drafter.token_norm], "forward", lambda _o, x: x)),
    Mistake("D18", "factor", "mtp_eh_proj-0", "The fused input is halved, as a mean of embedding and hidden state.",
            draft("fuse", "forward", lambda y, _x: y / 2)),
    Mistake("D19", "shift", "mtp_eh_proj-0", "Rows of eh_proj are shifted by one.",
            lambda m: m.every([m.drafter.fuse], weight=lambda w: shifted(w))),
]
