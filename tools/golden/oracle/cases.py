"""The golden cases.  Each case is a set of differences from BASE, with a fixed seed.

The seeds are searched: ``make.py --search NAME`` finds the first seed for which every
discrete choice (selected keys, routed experts, drafted tokens) is decided by more than
the case's ``margin``, so that a correct float32 engine cannot choose otherwise.

The prompts in prompts.json are searched too: of the whole vocabulary, each token is the
one that makes the choices clearest, so that even an engine with f16 caches, or one in
bfloat16, must choose what the case says.  README.md, "Margins", says how they are found.
"""

import json
from pathlib import Path

BASE = {
    "layers": 4,
    "dense": 1,
    "hidden": 32,
    "heads": 2,
    "q_lora": 16,
    "kv_lora": 12,
    "nope": 6,
    "rope": 4,
    "v": 10,
    "idx_heads": 16,
    "idx_dim": 8,
    "topk": 6,
    "inter": 40,
    "moe_inter": 12,
    "experts": 8,
    "top": 2,
    "vocab": 64,
    "theta": 8000000,
}
NEAR_EQUAL = (6.817, 7.063)  # the range of the released model's router bias

FREQ = lambda offset, freq: {"index_skip_topk_offset": offset, "index_topk_freq": freq}  # noqa: E731
MTP = lambda share: {"num_nextn_predict_layers": 1, "index_share_for_mtp_iteration": share}  # noqa: E731

SEEDS = {
    "tiny-all": 1000,
    "one-layer": 2000,
    "all-full": 3000,
    "offset3-freq4": 4000,
    "pattern-string": 5000,
    "pattern-list": 6000,
    "custom-types": 7001,
    "dense-only": 8000,
    "all-sparse": 9000,
    "mixed-mlp": 10002,
    "experts2-top1": 11001,
    "experts64-top8": 12001,
    "near-equal-bias": 13002,
    "groups4-of-16": 14000,
    "groups2-bias": 15001,
    "no-renorm": 16001,
    "shared2-factor1": 17000,
    "topk-1": 18000,
    "topk-above-length": 19000,
    "topk-equals-length": 20000,
    "length-1": 21000,
    "ties-one-head": 22000,
    "ties-negative": 23001,
    "odd-dims": 24000,
    "wide-latent": 25000,
    "narrow-v": 26000,
    "rope-only-indexer": 27000,
    "theta-1e4": 28001,
    "theta-1e6": 29000,
    "eps-visible": 30000,
    "norm-eps-1e-3": 31001,
    "bf16-small": 32000,
    "bf16-ratios": 33000,
    "bf16-hf": 34000,
    "f16": 35000,
    "f16-hf": 36000,
    "f32-hf-saved": 37000,
    "fused-experts": 38000,
    "fp8-blocks": 39000,
    "fp8-mtp": 40000,
    "sharded": 41000,
    "mtp-hf": 42010,
    "mtp-own-topk": 43004,
    "long-520": 44014,
    "long-1024": 45019,
    "clear-mtp": 46000,
    "clear-bf16": 47000,
    "real-ratios": 48000,
    "one-eps": 45001,
}
CASES = {}
PROMPTS = json.loads(Path(__file__).with_name("prompts.json").read_text())


def case(
    name,
    why,
    tokens,
    dims=None,
    config=None,
    init=None,
    style="released",
    dtype="f32",
    layout="per-expert",
    shards=1,
    mtp_steps=0,
    stages="all",
    golden=None,
    ties="none",
    margin=2e-4,
):
    """style: released | hf | hf-saved | glm5.  stages: all | thin.  golden: None | all | thin | clear | choices."""
    CASES[name] = dict(
        name=name,
        why=why,
        tokens=tokens,
        dims={**BASE, **(dims or {})},
        config=config or {},
        init=init or {},
        seed=SEEDS.get(name, 1),
        prompt=PROMPTS.get(name),
        style=style,
        dtype=dtype,
        layout=layout,
        shards=shards,
        mtp_steps=mtp_steps,
        stages=stages,
        golden=golden,
        ties=ties,
        margin=margin,
    )


# --- the one to start with ---------------------------------------------------------------
case(
    "tiny-all",
    "every stage on a tiny model: dropped keys, shared layers, dense and sparse layers, MTP with a frozen row",
    24,
    dims=dict(layers=5, topk=4),
    config={**FREQ(2, 2), **MTP(True)},
    init=dict(bias=(-0.1, 0.1)),
    mtp_steps=3,
    golden="all",
)

# --- index schedules ---------------------------------------------------------------------
case("one-layer", "a single dense layer with an indexer", 16, dims=dict(layers=1, topk=5), style="hf")
case("all-full", "an indexer in every layer; GLM-5 style config without any schedule key", 32, style="glm5", golden="choices")
case(
    "offset3-freq4",
    "the released schedule rule on 8 layers: full 0,1,2,6; only offset and freq are given",
    40,
    dims=dict(layers=8, dense=3, topk=5),
    config=FREQ(3, 4),
    style="glm5",
    golden="choices",
)
case(
    "pattern-string",
    "index_topk_pattern as a string and no indexer_types in the file",
    32,
    dims=dict(layers=6, topk=5),
    config={"index_topk_pattern": "FSSFSF"},
    style="glm5",
    golden="choices",
)
case(
    "pattern-list",
    "the schedule as a list of words under index_topk_pattern; HF adds indexer_types itself",
    28,
    dims=dict(layers=4, topk=4),
    config={"index_topk_pattern": ["full", "shared", "full", "shared"]},
    style="hf",
    golden="choices",
)
case(
    "custom-types",
    "indexer_types that follow no rule; HF writes no freq/offset keys",
    32,
    dims=dict(layers=7, topk=4, dense=2),
    config={"indexer_types": ["full", "shared", "shared", "shared", "full", "full", "shared"]},
    style="hf",
    golden="choices",
)

# --- MLP schedules and routing -----------------------------------------------------------
case(
    "dense-only",
    "no experts anywhere",
    24,
    dims=dict(layers=3, dense=3),
    config={"mlp_layer_types": ["dense"] * 3},
    style="hf",
    golden="choices",
)
case("all-sparse", "no dense layer at all", 24, dims=dict(layers=3, dense=0), config=FREQ(1, 3), golden="choices")
case(
    "mixed-mlp",
    "dense and sparse layers alternate, so first_k_dense_replace alone is wrong",
    24,
    dims=dict(layers=5, dense=1),
    config={"mlp_layer_types": ["dense", "sparse", "dense", "sparse", "sparse"]},
    style="hf",
)
case("experts2-top1", "the smallest router", 24, dims=dict(experts=2, top=1), init=dict(bias=(-0.2, 0.2)))
case(
    "experts64-top8",
    "64 experts, top-8, near-equal large bias that bfloat16 would flatten",
    32,
    dims=dict(layers=3, experts=64, top=8, moe_inter=8, hidden=48, topk=8),
    config=FREQ(2, 2),
    init=dict(bias=NEAR_EQUAL),
    margin=5e-5,
)
case(
    "near-equal-bias",
    "16 experts, top-4, large near-equal bias; golden for the router",
    32,
    dims=dict(layers=3, experts=16, top=4, topk=8),
    config=FREQ(2, 2),
    init=dict(bias=NEAR_EQUAL),
    golden="thin",
)
case(
    "groups4-of-16",
    "group-limited routing: 4 groups, 2 kept, top-3, zero bias",
    32,
    dims=dict(experts=16, top=3),
    config={"n_group": 4, "topk_group": 2},
    style="hf",
)
case(
    "groups2-bias",
    "group-limited routing with negative biased scores: 2 groups, 1 kept (masking with 0 instead of -inf is wrong)",
    32,
    dims=dict(experts=8, top=2),
    config={"n_group": 2, "topk_group": 1},
    init=dict(bias=(-1.6, -1.4)),
    golden="thin",
)
case("no-renorm", "norm_topk_prob false: raw sigmoids times the factor", 24, dims=dict(top=3), config={"norm_topk_prob": False})
case(
    "shared2-factor1",
    "two shared experts in one wide block, routed factor 1.0",
    24,
    dims=dict(top=3),
    config={"n_shared_experts": 2, "routed_scaling_factor": 1.0},
    style="hf",
)

# --- selection width ---------------------------------------------------------------------
case("topk-1", "one selected key per query", 20, dims=dict(layers=5, topk=1), config=FREQ(2, 3))
case("topk-above-length", "index_topk beyond the prompt: nothing is dropped", 32, dims=dict(topk=64), config=FREQ(2, 2))
case("topk-equals-length", "index_topk exactly the prompt length", 24, dims=dict(topk=24), config=FREQ(2, 2))
case("length-1", "a prompt of one token", 1, dims=dict(topk=4), config=FREQ(2, 2))
case(
    "ties-one-head",
    "one indexer head: ReLU leaves rows full of exact zeros; lowest index wins",
    32,
    dims=dict(idx_heads=1, layers=4, topk=8),
    config=FREQ(2, 2),
    ties="stable",
    golden="thin",
)
case(
    "ties-negative",
    "every indexer weight is negative: zeros beat all other scores, so the plateau is at the top",
    32,
    dims=dict(idx_heads=2, layers=4, topk=6),
    config=FREQ(2, 2),
    init=dict(negative_weights=True),
    ties="stable",
)

# --- odd widths --------------------------------------------------------------------------
case(
    "odd-dims",
    "nothing is a multiple of 4",
    30,
    dims=dict(hidden=37, heads=3, q_lora=13, kv_lora=9, nope=5, rope=2, v=11, idx_heads=17, idx_dim=7, inter=27, moe_inter=9, experts=5, vocab=61),
    config=FREQ(2, 2),
)
case(
    "wide-latent",
    "latents wider than hidden, v wider than the query-key width",
    24,
    dims=dict(hidden=30, heads=5, q_lora=44, kv_lora=52, nope=3, rope=8, v=23, idx_heads=20, idx_dim=18),
    config=FREQ(3, 4),
    style="hf",
)
case(
    "narrow-v",
    "v much narrower than the query-key width, one head",
    24,
    dims=dict(heads=1, nope=16, rope=6, v=3, idx_heads=24, idx_dim=10),
    style="hf",
)
case("rope-only-indexer", "index_head_dim equals the rope width: no unrotated part", 32, dims=dict(rope=8, idx_dim=8, idx_heads=32, topk=4))
case("theta-1e4", "rope_theta 10000, eight rotated pairs", 64, dims=dict(rope=16, idx_dim=24, theta=10000), config=FREQ(2, 2))
case("theta-1e6", "rope_theta 1e6 as in GLM-5 / 5.1", 64, dims=dict(rope=8, idx_dim=12, theta=1000000), style="glm5")

# --- small magnitudes --------------------------------------------------------------------
case(
    "eps-visible",
    "tiny latents, embeddings and indexer keys: every epsilon changes the result by far more than rounding",
    24,
    config=FREQ(2, 2),
    init=dict(latent_gain=2e-3, embed_std=5e-3, wk_gain=1e-3),
    golden="thin",
)
case(
    "norm-eps-1e-3",
    "rms_norm_eps 1e-3 while the latent norms keep 1e-6",
    24,
    config={"rms_norm_eps": 1e-3, **FREQ(2, 2)},
    init=dict(embed_std=0.05),
    style="hf",
)

# --- storage -----------------------------------------------------------------------------
case(
    "bf16-small",
    "bfloat16 weights, F32 router bias",
    32,
    dims=dict(layers=3, topk=5),
    config=FREQ(2, 2),
    init=dict(bias=NEAR_EQUAL),
    dtype="bf16",
    golden="all",
)
case(
    "bf16-ratios",
    "the released model in miniature: 3 dense layers, 8 layers in all, 32 indexer heads, top-8 of 32, MTP, bfloat16",
    128,
    dims=dict(
        layers=8, dense=3, hidden=64, heads=8, q_lora=32, kv_lora=32, nope=12, rope=8, v=16, idx_heads=32, idx_dim=16,
        topk=16, inter=96, moe_inter=16, experts=32, top=8, vocab=128,
    ),
    config={**FREQ(3, 4), **MTP(True)},
    init=dict(bias=NEAR_EQUAL),
    dtype="bf16",
    mtp_steps=5,
    margin=5e-6,
)
case(
    "bf16-hf",
    "bfloat16 with the config and the weight file exactly as HF's save_pretrained writes them",
    24,
    config=FREQ(2, 2),
    dtype="bf16",
    style="hf-saved",
)
case("f16", "float16 weights", 24, dims=dict(layers=3), config=FREQ(2, 2), dtype="f16")
case(
    "f16-hf",
    "float16 loaded and saved by HF, which then keeps indexer.weights_proj in float32: two dtypes in one file",
    24,
    config=FREQ(2, 2),
    dtype="f16",
    style="hf-saved",
)
case(
    "f32-hf-saved",
    "float32 with the config and the weight file exactly as HF's save_pretrained writes them",
    24,
    config=FREQ(2, 2),
    style="hf-saved",
)
case(
    "fused-experts",
    "HF's fused expert tensors: gate_up_proj and down_proj",
    24,
    dims=dict(layers=3, topk=5),
    config=FREQ(2, 2),
    style="hf",
    layout="fused",
    golden="all",
)
case(
    "fp8-blocks",
    "e4m3 with 128x128 blocks, all of them partial somewhere; the release's protect list with its slip",
    32,
    dims=dict(layers=2, hidden=136, q_lora=132, kv_lora=130, heads=3, nope=40, rope=10, v=48, idx_heads=16, idx_dim=18, inter=140, moe_inter=20, experts=4, topk=8),
    config=FREQ(1, 2),
    dtype="fp8",
    golden="thin",
)
case(
    "fp8-mtp",
    "e4m3 with an MTP layer; eh_proj stays bfloat16",
    40,
    dims=dict(layers=3, hidden=144, q_lora=48, kv_lora=140, heads=4, nope=24, rope=8, v=40, idx_heads=16, idx_dim=24, inter=200, moe_inter=132, experts=4, topk=10),
    config={**FREQ(2, 2), **MTP(True)},
    init=dict(bias=(-0.1, 0.1)),
    dtype="fp8",
    mtp_steps=3,
)
case(
    "sharded",
    "three files and an index; one layer's experts lie in two files; MTP whose steps select for themselves",
    24,
    dims=dict(layers=3, topk=5),
    config={**FREQ(2, 2), **MTP(False)},
    shards=3,
    mtp_steps=3,
    golden="thin",
)

# --- choices that rounding cannot change --------------------------------------------------
# All norms have one eps, so that llama.cpp can run these models too.
ONE_EPS = {"rms_norm_eps": 1e-6}
case(
    "clear-mtp",
    "prompt searched for wide margins: f16 caches turn no choice; MTP with a frozen row, 8x more keys than are kept",
    40,
    dims=dict(layers=5, topk=5, vocab=256),
    config={**FREQ(2, 2), **MTP(True), **ONE_EPS},
    init=dict(bias=(-0.1, 0.1)),
    mtp_steps=2,
    golden="clear",
)
case(
    "clear-bf16",
    "prompt searched for the widest margins: a whole run in bfloat16 turns no choice; 8x more keys than are kept",
    24,
    dims=dict(layers=4, dense=2, topk=3, vocab=512),
    config={**FREQ(2, 4), **ONE_EPS},
    dtype="bf16",
    golden="clear",
)
case(
    "real-ratios",
    "64 heads, 32 indexer heads, top-8 of 256 experts, three dense layers, full layers 0, 1, 2, 6, MTP: the released model's counts on narrow layers",
    40,
    dims=dict(
        layers=7, dense=3, heads=64, idx_heads=32, idx_dim=16, q_lora=16, kv_lora=16, nope=2, rope=4, v=4,
        topk=5, moe_inter=3, experts=256, top=8, vocab=384,
    ),
    config={**FREQ(3, 4), **MTP(True), **ONE_EPS},
    init=dict(bias=NEAR_EQUAL),
    dtype="bf16",
    mtp_steps=3,
    layout="fused",
    golden="choices",
    margin=1e-4,  # of scores near 7, since the bias is
)
case(
    "one-eps",
    "what the cases above lack, for llama.cpp in f32 too: a schedule as HF writes it, two shared experts, raw sigmoids times 1.0",
    24,
    dims=dict(layers=3, topk=4, experts=6, top=3, moe_inter=8, vocab=256),
    config={
        "indexer_types": ["full", "shared", "full"],
        "n_shared_experts": 2,
        "norm_topk_prob": False,
        "routed_scaling_factor": 1.0,
        **ONE_EPS,
    },
    style="hf",
    dtype="bf16",
    golden="choices",
)

# --- more MTP ----------------------------------------------------------------------------
case(
    "mtp-hf",
    "MTP keys in a config as HF writes it; 8x more slots than index_topk, frozen row",
    64,
    dims=dict(layers=3, topk=8),
    config={**FREQ(2, 2), **MTP(True)},
    init=dict(bias=NEAR_EQUAL),
    style="hf",
    mtp_steps=5,
)
case(
    "mtp-own-topk",
    "index_share_for_mtp_iteration false in bfloat16: every draft step selects over all slots, drafts included",
    48,
    dims=dict(layers=3, topk=6),
    config={**FREQ(3, 4), **MTP(False)},
    dtype="bf16",
    mtp_steps=5,
)

# --- length ------------------------------------------------------------------------------
case(
    "long-520",
    "520 tokens at index_topk 65: eight times as many keys as are kept",
    520,
    dims=dict(layers=4, topk=65, idx_heads=32),
    config=FREQ(2, 2),
    stages="thin",
    golden="choices",
    margin=1e-5,
)
case(
    "long-1024",
    "1024 tokens at index_topk 128, eight layers, released schedule",
    1024,
    dims=dict(layers=8, dense=3, topk=128, idx_heads=32, idx_dim=12),
    config=FREQ(3, 4),
    stages="thin",
    margin=2e-6,
)
