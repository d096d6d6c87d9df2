"""Mistakes in what is remembered, and at the borders of steps."""

import torch

from .patient import Mistake


def latents(change):
    """`change(latents)` on what the attention reads, in each step."""
    return lambda m: m.after([b.memory for b in m.blocks], "add_attention", lambda kept, *_: (change(kept[0]), kept[1]))


def both(change):
    return lambda m: m.after([b.memory for b in m.blocks], "add_attention", lambda kept, *_: tuple(map(change, kept)))


def index_keys(change):
    return lambda m: m.after([b.memory for b in m.blocks], "add_index_keys", lambda keys, _new: change(keys))


def pages(x):
    """The second and the third page of four rows are exchanged."""
    if len(x) < 12:
        return x
    return torch.cat([x[:4], x[8:12], x[4:8], x[12:]])


def ring(x):
    """Of 16 places: later rows have overwritten the first ones."""
    if len(x) <= 16:
        return x
    places = x[:16].clone()
    places[: len(x) - 16] = x[16:]
    return places.repeat(2, 1)[: len(x)]


def zeroed(rows):
    def change(x):
        x = x.clone()
        x[[row for row in rows if row < len(x)]] = 0
        return x

    return change


def other_layer(m):
    source = m.layer(2).memory
    m.after([m.layer(3).memory], "add_attention", lambda kept, *_: (source.latents, source.turned))


def in_front(x):
    """Later steps of eight rows are put before the first."""
    return torch.cat([part for part in reversed(x.split(8))])


def raw_cache(m):
    """The cache holds latents before their norm; the stage is right."""
    for block in m.blocks:
        kept = []

        def keep(result, x, kept=kept):
            kept.append(x)
            return result

        m.after([block.attention.kv_norm], "forward", keep)
        m.after([block.memory], "add_attention", lambda r, *_, kept=kept: (torch.cat(kept), r[1]))


def unturned_cache(m):
    for block in m.blocks:
        kept = []

        def keep(result, x, _p, kept=kept):
            kept.append(x)
            return result

        m.after([block.attention], "turn_key", keep)
        m.after([block.memory], "add_attention", lambda r, *_, kept=kept: (r[0], torch.cat(kept)))


def own_step_only(m):
    def change(mask, _chosen, positions, count):
        own = torch.arange(count) == positions[:, None]
        near = mask & (torch.arange(count) >= positions[0])
        return torch.where(near.any(-1, keepdim=True), near, own)

    m.after(m.attentions, "seen", change)


def int4(x):
    step = x.abs().amax(-1, keepdim=True) / 7
    return torch.round(x / step) * step


CACHING = [
    Mistake("C01", "cut", "attn_out-0", "The first row of each later step of eight is zero in the cache.", both(zeroed([8, 16])), steps=(8, 8, 8)),
    Mistake("C02", "shift", "attn_out-0", "Latents are written one place later than rotary keys.",
            latents(lambda x: torch.cat([x[:1], x[:-1]]))),
    Mistake("C03", "permutation", "attn_out-0", "The second and the third page of four rows are exchanged in the cache.", both(pages)),
    Mistake("C04", "op-missing", "attn_out-0", "The cache has keys before their rotation.", unturned_cache),
    Mistake("C05", "op-missing", "attn_out-0", "The cache has latents before their norm.", raw_cache),
    Mistake("C06", "cut", "attn_out-0", "The cache has 16 places, and later rows overwrite the first.", both(ring), steps=(1,) * 24),
    Mistake("C07", "other-weights", "attn_out-3", "Layer 3 reads the cache of layer 2.", other_layer),
    Mistake("C08", "permutation", "attn_out-0", "Later steps are put in front of the cache.", both(in_front), steps=(8, 8, 8)),
    Mistake("C09", "saturation", "attn_out-0", "Cached latents are clamped to ±1.", latents(lambda x: x.clamp(-1, 1))),
    Mistake("C10", "precision", "attn_out-0", "Cached latents have four bits.", latents(int4)),
    Mistake("C11", "precision", "attn_out-0", "Cached latents are e4m3 without a scale.",
            latents(lambda x: x.to(torch.float8_e4m3fn).float())),
    Mistake("C12", "mask", "attn_out-0", "In a step of eight the attention sees the step's own rows only.", own_step_only, steps=(8, 8, 8)),
    Mistake("C13", "cut", "indexer_score-0", "The first index key of each later step is lost.", index_keys(zeroed([8, 16])), steps=(8, 8, 8)),
    Mistake("C14", "precision", "indexer_score-0", "Index keys are cached in e4m3.", index_keys(lambda x: x.to(torch.float8_e4m3fn).float())),
    Mistake("C15", "permutation", "indexer_score-0", "Two pages of index keys are exchanged.", index_keys(pages)),
    Mistake("C16", "shift", "indexer_score-0", "Index keys are written one place late.", index_keys(lambda x: torch.cat([x[:1], x[:-1]]))),
    Mistake("C17", "cut", "attn_out-0", "Rotary keys of the first four positions are gone.",
            lambda m: m.after([b.memory for b in m.blocks], "add_attention", lambda kept, *_: (kept[0], zeroed(range(4))(kept[1])))),
    Mistake("C18", "cut", "indexer_score-0", "Index keys of the last position are read before they are written.",
            lambda m: m.after([b.memory for b in m.blocks], "add_index_keys", lambda keys, new: zeroed([len(keys) - 1])(keys)), steps=(1,) * 24),
    Mistake("C19", "factor", "attn_out-0", "Cached latents are divided by a scale, and not multiplied again.", latents(lambda x: x / 2.5)),
    Mistake("C20", "saturation", "indexer_score-0", "Index keys are clamped to ±1.", index_keys(lambda x: x.clamp(-1, 1))),
]
