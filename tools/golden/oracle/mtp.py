"""The multi-token-prediction layer (stored as layer N), in plain numpy.

HF drops these weights when it loads a model, so this layer has no second implementation.  Its
inputs are the hidden states of the main model after its final norm, as HF computed them.

Slot i is at position i; its inputs are token i+1 and hidden state i.  Step 0 runs over
every slot of the prompt ("draft extend").  Each later step adds one slot: its token is
the previous draft, and its hidden state is the previous output *after* shared_head.norm.
"""

import numpy as np

from plain import Layer, rms_norm


def draft(cfg, weights, tokens, hidden, latent_eps, steps):
    """Runs step 0 and ``steps`` more.  Returns (tensors to store, drafted tokens)."""
    n = cfg["num_hidden_layers"]
    eps = cfg["rms_norm_eps"]
    prefix = f"model.layers.{n}."
    layer = Layer(cfg, weights, n, latent_eps, full=True, sparse=True)
    out = {}

    def step(number, next_tokens, previous, positions, shared_rows, taps):
        e = rms_norm(weights["model.embed_tokens.weight"][next_tokens], weights[prefix + "enorm.weight"], eps)
        g = rms_norm(previous, weights[prefix + "hnorm.weight"], eps)
        z = np.concatenate([e, g], axis=-1) @ weights[prefix + "eh_proj.weight"].T
        u, rows = layer(z, positions, shared_rows, taps)
        r = rms_norm(u, weights[prefix + "shared_head.norm.weight"], eps)
        out[f"mtp_eh_proj-{number}"] = z
        out[f"mtp_hidden-{number}"] = r
        out[f"mtp_logits-{number}"] = r @ weights["lm_head.weight"].T
        out[f"mtp_top_k-{number}"] = rows
        return r, rows

    slots = len(tokens) - 1
    r, rows = step(0, np.asarray(tokens[1:]), hidden[:slots], np.arange(slots), None, out)
    drafted = [int(np.argmax(out["mtp_logits-0"][-1]))]
    frozen = rows[-1:] if cfg["index_share_for_mtp_iteration"] else None
    r = r[-1:]
    for number in range(1, steps + 1):
        taps = {}
        r, _ = step(number, np.asarray(drafted[-1:]), r, np.array([slots - 1 + number]), frozen, taps)
        for stage in ("indexer_score", "_router_biased", "_router_groups"):  # for the margins only
            if f"{stage}-{n}" in taps:
                out[f"_{stage.lstrip('_')}-step{number}"] = taps[f"{stage}-{n}"]
        drafted.append(int(np.argmax(out[f"mtp_logits-{number}"][-1])))
    return out, drafted
