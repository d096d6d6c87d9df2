"""The order in which a model makes its stages, and which of them the three kinds of dumps hold."""

LAYER = ["attn_norm", "qr", "indexer_q", "indexer_k", "indexer_weights", "indexer_score", "top_k", "q_nope", "q_pe", "kv_cmpr", "k_pe", "q_nope_absorbed", "attn_out", "ffn_inp", "ffn_norm", "ffn_moe_logits", "ffn_moe_topk", "ffn_moe_weights", "ffn_moe_out", "ffn_shexp", "ffn_out", "l_out"]
KINDS = {
    "all": lambda _name: True,
    "choices": lambda name: name.startswith(("top_k", "ffn_moe_topk", "mtp_top_k", "l_out", "logits", "mtp_logits")),
    "logits": lambda name: name.startswith(("logits", "mtp_logits")),
}


def order(layers, draft_steps):
    """All names; the draft layer's come after the logits."""
    names = ["inp_embd", *(f"{stage}-{n}" for n in range(layers) for stage in LAYER), "result_norm", "logits"]
    for step in range(draft_steps + 1):
        names += [f"{stage}-{step}" for stage in ("mtp_enorm", "mtp_hnorm", "mtp_eh_proj")]
        if step == 0:
            names += [f"{stage}-{layers}" for stage in LAYER]
        names += [f"{stage}-{step}" for stage in ("mtp_hidden", "mtp_top_k", "mtp_logits")]
    return names
