"""GLM-5.2 in plain numpy, one formula per line, written from the model description.

This is a second, independent implementation.  It shares no code with the HF model: make.py
runs both on every case, and does not write a case on which they differ.  mtp.py uses the same
layer for the multi-token-prediction block, which HF does not have.

Everything is computed in the dtype of the given weights (float64 for the golden cases).
Vectors are rows, and a linear weight W [out, in] is applied as ``x @ W.T``.
"""

import numpy as np

K_NORM_EPS = 1e-6  # LayerNorm of the indexer key; not configurable in any checkpoint


def rms_norm(x, gain, eps):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * gain


def layer_norm(x, gain, bias, eps):
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    return centred / np.sqrt(variance + eps) * gain + bias


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def rope(x, positions, theta):
    """Rotates the pairs (0,1), (2,3), ... of the last axis; x is [T, heads, dim]."""
    dim = x.shape[-1]
    frequency = 1.0 / float(theta) ** (np.arange(0, dim, 2, dtype=np.float64) / dim)
    angle = np.asarray(positions, dtype=np.float64)[:, None, None] * frequency
    cos, sin = np.cos(angle).astype(x.dtype), np.sin(angle).astype(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    out = np.empty_like(x)
    out[..., 0::2] = even * cos - odd * sin
    out[..., 1::2] = odd * cos + even * sin
    return out


def pick_largest(scores, k, visible):
    """For each row, the k visible columns with the highest scores; of equal scores, the first ones.

    They are returned in ascending order and padded with -1, so that rows can be compared as sets.
    """
    rows = np.full((scores.shape[0], k), -1, dtype=np.int32)
    for t in range(scores.shape[0]):
        candidates = np.flatnonzero(visible[t])
        order = np.argsort(-scores[t, candidates], kind="stable")[:k]
        chosen = np.sort(candidates[order])
        rows[t, : chosen.size] = chosen
    return rows


def swiglu(x, gate, up, down):
    return (silu(x @ gate.T) * (x @ up.T)) @ down.T


class Layer:
    """One decoder layer with its caches, so that it can run a text in several steps."""

    def __init__(self, cfg, weights, index, latent_eps, full, sparse):
        self.cfg, self.w, self.index = cfg, weights, index
        self.latent_eps, self.full, self.sparse = latent_eps, full, sparse
        self.prefix = f"model.layers.{index}."
        self.latent = self.k_rope = self.index_k = None

    def __getitem__(self, name):
        return self.w[self.prefix + name]

    def _append(self, cache, rows):
        old = getattr(self, cache)
        setattr(self, cache, rows if old is None else np.concatenate([old, rows]))
        return getattr(self, cache)

    def attention(self, x, positions, shared_rows, tap):
        cfg = self.cfg
        heads, nope, rot = cfg["num_attention_heads"], cfg["qk_nope_head_dim"], cfg["qk_rope_head_dim"]
        v_dim, lora = cfg["v_head_dim"], cfg["kv_lora_rank"]
        theta = cfg["rope_parameters"]["rope_theta"]
        count = x.shape[0]

        qr = rms_norm(x @ self["self_attn.q_a_proj.weight"].T, self["self_attn.q_a_layernorm.weight"], self.latent_eps)
        q = (qr @ self["self_attn.q_b_proj.weight"].T).reshape(count, heads, nope + rot)
        q_nope, q_pe = q[..., :nope], rope(q[..., nope:], positions, theta)
        kv = x @ self["self_attn.kv_a_proj_with_mqa.weight"].T
        c = rms_norm(kv[:, :lora], self["self_attn.kv_a_layernorm.weight"], self.latent_eps)
        k_pe = rope(kv[:, None, lora:], positions, theta)[:, 0]
        tap("qr", qr), tap("q_nope", q_nope), tap("q_pe", q_pe), tap("kv_cmpr", c), tap("k_pe", k_pe)
        latent, k_rope = self._append("latent", c), self._append("k_rope", k_pe)

        # Slot s of the caches holds position s, so the causal mask is a comparison of indices.
        slots = np.arange(latent.shape[0])
        causal = slots[None, :] <= np.asarray(positions)[:, None]
        if self.full:
            own_rows = self.indexer(x, qr, positions, causal, tap, score=shared_rows is None)
        rows = own_rows if shared_rows is None else shared_rows
        tap("top_k", rows)
        selected = np.zeros(causal.shape, dtype=bool)
        for t, row in enumerate(rows):
            selected[t, row[row >= 0]] = True
        selected &= causal

        expanded = (latent @ self["self_attn.kv_b_proj.weight"].T).reshape(-1, heads, nope + v_dim)
        k_nope, v = expanded[..., :nope], expanded[..., nope:]
        score = np.einsum("thd,shd->hts", q_nope, k_nope) + np.einsum("thd,sd->hts", q_pe, k_rope)
        score = np.where(selected, score * (nope + rot) ** -0.5, -np.inf)
        p = np.exp(score - score.max(axis=-1, keepdims=True))
        p /= p.sum(axis=-1, keepdims=True)
        out = np.einsum("hts,shd->thd", p, v).reshape(count, heads * v_dim) @ self["self_attn.o_proj.weight"].T
        tap("attn_out", out)
        return out, rows

    def indexer(self, x, qr, positions, causal, tap, score):
        cfg = self.cfg
        heads, dim, rot = cfg["index_n_heads"], cfg["index_head_dim"], cfg["qk_rope_head_dim"]
        theta = cfg["rope_parameters"]["rope_theta"]
        k = layer_norm(
            x @ self["self_attn.indexer.wk.weight"].T,
            self["self_attn.indexer.k_norm.weight"],
            self["self_attn.indexer.k_norm.bias"],
            K_NORM_EPS,
        )
        # The rotary part comes FIRST here, unlike in the heads of the attention.
        k = np.concatenate([rope(k[:, None, :rot], positions, theta)[:, 0], k[:, rot:]], axis=-1)
        keys = self._append("index_k", k)
        if not score:  # rows of an earlier step are reused, so only the cache grows
            return None
        q = (qr @ self["self_attn.indexer.wq_b.weight"].T).reshape(x.shape[0], heads, dim)
        q = np.concatenate([rope(q[..., :rot], positions, theta), q[..., rot:]], axis=-1)
        w = x @ self["self_attn.indexer.weights_proj.weight"].T
        dots = np.maximum(np.einsum("thd,sd->ths", q, keys), 0)
        total = np.einsum("th,ths->ts", w, dots) * (heads**-0.5 * dim**-0.5)
        tap("indexer_q", q), tap("indexer_k", k), tap("indexer_weights", w)
        tap("indexer_score", np.where(causal, total, -np.inf))
        return pick_largest(total, min(cfg["index_topk"], keys.shape[0]), causal)

    def mlp(self, m, tap):
        if not self.sparse:
            return swiglu(m, *(self[f"mlp.{n}_proj.weight"] for n in ("gate", "up", "down")))
        cfg = self.cfg
        experts, top, groups = cfg["n_routed_experts"], cfg["num_experts_per_tok"], cfg["n_group"]
        logits = m @ self["mlp.gate.weight"].T
        s = sigmoid(logits)
        biased = s + self["mlp.gate.e_score_correction_bias"]
        # The score of a group is the sum of its two best experts; only the best groups are eligible.
        by_group = biased.reshape(-1, groups, experts // groups)
        worth = np.sort(by_group, axis=-1)[..., -2:].sum(axis=-1)
        kept = pick_largest(worth, cfg["topk_group"], np.ones_like(worth, dtype=bool))
        eligible = np.zeros(worth.shape, dtype=bool)
        np.put_along_axis(eligible, kept.astype(np.int64), True, axis=1)
        eligible = np.repeat(eligible, experts // groups, axis=1)
        ids = pick_largest(biased, top, eligible)
        g = np.take_along_axis(s, ids.astype(np.int64), axis=1)
        if cfg["norm_topk_prob"]:
            g = g / (g.sum(axis=1, keepdims=True) + 1e-20)
        g = g * cfg["routed_scaling_factor"]

        routed = np.zeros_like(m)
        for e in np.unique(ids):
            rows, place = np.nonzero(ids == e)
            y = swiglu(m[rows], *(self[f"mlp.experts.{e}.{n}_proj.weight"] for n in ("gate", "up", "down")))
            routed[rows] += y * g[rows, place, None]
        shared = swiglu(m, *(self[f"mlp.shared_experts.{n}_proj.weight"] for n in ("gate", "up", "down")))
        tap("ffn_moe_logits", logits), tap("ffn_moe_topk", ids), tap("ffn_moe_weights", g)
        tap("ffn_moe_out", routed), tap("ffn_shexp", shared)
        # These are not part of the model: make.py computes the margins of the choices from them.
        tap("_router_biased", np.where(eligible, biased, -np.inf)), tap("_router_groups", worth)
        return routed + shared

    def __call__(self, h, positions, shared_rows, taps):
        def tap(name, value):
            if taps is not None:
                taps[f"{name}-{self.index}"] = value

        eps = self.cfg["rms_norm_eps"]
        a = rms_norm(h, self["input_layernorm.weight"], eps)
        tap("attn_norm", a)
        out, rows = self.attention(a, positions, shared_rows, tap)
        h = h + out
        tap("ffn_inp", h)
        m = rms_norm(h, self["post_attention_layernorm.weight"], eps)
        tap("ffn_norm", m)
        f = self.mlp(m, tap)
        tap("ffn_out", f)
        h = h + f
        tap("l_out", h)
        return h, rows


def forward(cfg, weights, tokens, latent_eps):
    """Runs the main model over a whole sequence.  cfg is the *resolved* configuration."""
    taps = {}
    h = weights["model.embed_tokens.weight"][tokens]
    positions = np.arange(len(tokens))
    rows = None
    for i in range(cfg["num_hidden_layers"]):
        full = cfg["indexer_types"][i] == "full"
        layer = Layer(cfg, weights, i, latent_eps, full, cfg["mlp_layer_types"][i] == "sparse")
        h, rows = layer(h, positions, None if full else rows, taps)
    taps["result_norm"] = rms_norm(h, weights["model.norm.weight"], cfg["rms_norm_eps"])
    taps["logits"] = taps["result_norm"] @ weights["lm_head.weight"].T
    return taps
