"""Makes random checkpoints: configuration, tensors, and files.  Also reads checkpoints.

Every tensor has its own random stream (seed + name), so that adding a tensor to a case
never changes another one.  The magnitudes are chosen so that every part has an effect on
the result: gains are far from 1 and biases far from 0, attention and indexer scores have
a spread of about one, and the logits have a spread of a few.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

BLOCK = 128  # edge of an FP8 scale block
E4M3_MAX = 448.0
STORAGE = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16, "fp8": torch.bfloat16}

# The protect list of the published FP8 config.  `indexers_proj` is a slip in the original
# (the tensor is indexer.weights_proj); it is kept so that a reader must not trust the list.
PROTECTED = ["input_layernorm", "post_attention_layernorm", "self_attn.q_a_layernorm", "self_attn.kv_a_layernorm"]


# --------------------------------------------------------------------------- configuration


def shape_fields(case):
    """The architecture of a case as keys of config.json, without the differences of styles."""
    d = case["dims"]
    fields = {
        "vocab_size": d["vocab"],
        "hidden_size": d["hidden"],
        "intermediate_size": d["inter"],
        "moe_intermediate_size": d["moe_inter"],
        "num_hidden_layers": d["layers"],
        "num_attention_heads": d["heads"],
        "num_key_value_heads": d["heads"],
        "n_routed_experts": d["experts"],
        "num_experts_per_tok": d["top"],
        "q_lora_rank": d["q_lora"],
        "kv_lora_rank": d["kv_lora"],
        "qk_nope_head_dim": d["nope"],
        "qk_rope_head_dim": d["rope"],
        "v_head_dim": d["v"],
        "index_topk": d["topk"],
        "index_n_heads": d["idx_heads"],
        "index_head_dim": d["idx_dim"],
        "first_k_dense_replace": d["dense"],
        "max_position_embeddings": 4096,
        "rope_parameters": {"rope_theta": d["theta"], "rope_type": "default"},
    }
    fields.update(case["config"])
    return fields


def resolve(fields):
    """The meaning of a config: schedules as lists, and defaults filled in."""
    cfg = {
        "n_group": 1,
        "topk_group": 1,
        "n_shared_experts": 1,
        "norm_topk_prob": True,
        "routed_scaling_factor": 2.5,
        "rms_norm_eps": 1e-5,
        "num_nextn_predict_layers": 0,
        "index_share_for_mtp_iteration": True,
        **fields,
    }
    layers = range(cfg["num_hidden_layers"])
    if cfg.get("indexer_types") is None:
        pattern = cfg.get("index_topk_pattern")
        if pattern is not None:
            cfg["indexer_types"] = [{"F": "full", "S": "shared"}.get(c, c) for c in pattern]
        else:
            every, offset = cfg.get("index_topk_freq", 1), cfg.get("index_skip_topk_offset", 2)
            cfg["indexer_types"] = ["shared" if max(i - offset + 1, 0) % every else "full" for i in layers]
    if cfg.get("mlp_layer_types") is None:
        cfg["mlp_layer_types"] = ["dense" if i < cfg["first_k_dense_replace"] else "sparse" for i in layers]
    return cfg


def released_style(fields, dtype):
    """The config.json with the keys, the order and the oddities of the released GLM-5.2."""
    cfg = resolve(fields)
    out = {
        "architectures": ["GlmMoeDsaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "dtype": {"f32": "float32", "f16": "float16"}.get(dtype, "bfloat16"),
        "eos_token_id": [1, 2, 3],
        "ep_size": 1,
        "first_k_dense_replace": cfg["first_k_dense_replace"],
        "head_dim": cfg["qk_nope_head_dim"],  # as in the release: this number must not be used
        "hidden_act": "silu",
        "hidden_size": cfg["hidden_size"],
        "index_head_dim": cfg["index_head_dim"],
        "index_n_heads": cfg["index_n_heads"],
        "index_share_for_mtp_iteration": cfg["index_share_for_mtp_iteration"],
        "index_skip_topk_offset": cfg.get("index_skip_topk_offset", 2),
        "index_topk": cfg["index_topk"],
        "index_topk_freq": cfg.get("index_topk_freq", 1),
        "index_topk_pattern": cfg.get("index_topk_pattern"),
        "indexer_rope_interleave": True,
        "indexer_types": cfg["indexer_types"],
        "initializer_range": 0.02,
        "intermediate_size": cfg["intermediate_size"],
        "kv_lora_rank": cfg["kv_lora_rank"],
        "max_position_embeddings": cfg["max_position_embeddings"],
        "mlp_layer_types": cfg["mlp_layer_types"],
        "model_type": "glm_moe_dsa",
        "moe_intermediate_size": cfg["moe_intermediate_size"],
        "moe_layer_freq": 1,
        "moe_router_dtype": "float32",
        "n_group": cfg["n_group"],
        "n_routed_experts": cfg["n_routed_experts"],
        "n_shared_experts": cfg["n_shared_experts"],
        "norm_topk_prob": cfg["norm_topk_prob"],
        "num_attention_heads": cfg["num_attention_heads"],
        "num_experts_per_tok": cfg["num_experts_per_tok"],
        "num_hidden_layers": cfg["num_hidden_layers"],
        "num_key_value_heads": cfg["num_key_value_heads"],
        "num_nextn_predict_layers": cfg["num_nextn_predict_layers"],
        "pad_token_id": 1,
        "pretraining_tp": 1,
        "q_lora_rank": cfg["q_lora_rank"],
        "qk_head_dim": cfg["qk_nope_head_dim"] + cfg["qk_rope_head_dim"],
        "qk_nope_head_dim": cfg["qk_nope_head_dim"],
        "qk_rope_head_dim": cfg["qk_rope_head_dim"],
        "rms_norm_eps": cfg["rms_norm_eps"],
        "rope_interleave": True,
        "rope_parameters": cfg["rope_parameters"],
        "routed_scaling_factor": cfg["routed_scaling_factor"],
        "scoring_func": "sigmoid",
        "tie_word_embeddings": False,
        "topk_group": cfg["topk_group"],
        "topk_method": "noaux_tc",
        "transformers_version": "5.12.0",
        "use_cache": True,
        "v_head_dim": cfg["v_head_dim"],
        "vocab_size": cfg["vocab_size"],
    }
    if dtype == "fp8":
        protected = ["lm_head", "model.embed_tokens", "model.norm"]
        for i in range(cfg["num_hidden_layers"] + cfg["num_nextn_predict_layers"]):
            mtp = i >= cfg["num_hidden_layers"]
            names = list(PROTECTED)
            if mtp or cfg["mlp_layer_types"][i] == "sparse":
                names += ["mlp.gate", "mlp.gate.e_score_correction_bias"]
            if mtp or cfg["indexer_types"][i] == "full":
                names += ["self_attn.indexers_proj", "self_attn.indexer.k_norm", "self_attn.indexer.k_norm.bias"]
            if mtp:
                names += ["enorm", "hnorm", "eh_proj", "shared_head.norm"]
            protected += [f"model.layers.{i}.{name}" for name in names]
        out["quantization_config"] = {
            "activation_scheme": "dynamic",
            "fmt": "e4m3",
            "modules_to_not_convert": protected,
            "quant_method": "fp8",
            "weight_block_size": [BLOCK, BLOCK],
        }
    return out


# --------------------------------------------------------------------------- random tensors


class Draw:
    def __init__(self, seed):
        self.seed = seed

    def _stream(self, name):
        return np.random.Generator(np.random.PCG64([self.seed, zlib.crc32(name.encode())]))

    def normal(self, name, shape, std, mean=0.0):
        return mean + std * self._stream(name).standard_normal(shape)

    def uniform(self, name, shape, low, high):
        return self._stream(name).uniform(low, high, shape)


def random_tensors(cfg, case, seed):
    """All tensors under checkpoint names, as float64 numpy (not yet rounded)."""
    draw, knobs, out = Draw(seed), case["init"], {}
    hidden, heads = cfg["hidden_size"], cfg["num_attention_heads"]
    nope, rot, v = cfg["qk_nope_head_dim"], cfg["qk_rope_head_dim"], cfg["v_head_dim"]

    def linear(name, rows, cols, gain=1.0):
        out[name + ".weight"] = draw.normal(name, (rows, cols), gain / np.sqrt(cols))

    def gain(name, size, low=0.5, high=1.5):
        out[name + ".weight"] = draw.uniform(name, size, low, high)

    def swiglu(name, width):
        linear(name + ".gate_proj", width, hidden, 1.5)
        linear(name + ".up_proj", width, hidden, 1.0)
        linear(name + ".down_proj", hidden, width, 1.2)

    def layer(i, full, sparse):
        p = f"model.layers.{i}."
        gain(p + "input_layernorm", hidden)
        gain(p + "post_attention_layernorm", hidden)
        a = p + "self_attn."
        linear(a + "q_a_proj", cfg["q_lora_rank"], hidden, knobs.get("latent_gain", 1.0))
        gain(a + "q_a_layernorm", cfg["q_lora_rank"])
        linear(a + "q_b_proj", heads * (nope + rot), cfg["q_lora_rank"], knobs.get("q_gain", 1.8))
        linear(a + "kv_a_proj_with_mqa", cfg["kv_lora_rank"] + rot, hidden, 1.0)
        out[a + "kv_a_proj_with_mqa.weight"][: cfg["kv_lora_rank"]] *= knobs.get("latent_gain", 1.0)
        gain(a + "kv_a_layernorm", cfg["kv_lora_rank"])
        linear(a + "kv_b_proj", heads * (nope + v), cfg["kv_lora_rank"], 1.0)
        linear(a + "o_proj", hidden, heads * v, 1.5)
        if full:
            x = a + "indexer."
            linear(x + "wq_b", cfg["index_n_heads"] * cfg["index_head_dim"], cfg["q_lora_rank"], 1.0)
            linear(x + "wk", cfg["index_head_dim"], hidden, knobs.get("wk_gain", 1.0))
            gain(x + "k_norm", cfg["index_head_dim"])
            out[x + "k_norm.bias"] = draw.normal(x + "k_norm.bias", cfg["index_head_dim"], 0.3)
            linear(x + "weights_proj", cfg["index_n_heads"], hidden, 1.0)
            if knobs.get("negative_weights"):
                out[x + "weights_proj.weight"][:, 0] = -6.0  # meets the large channel that is set below
        if sparse:
            m = p + "mlp."
            experts = cfg["n_routed_experts"]
            linear(m + "gate", experts, hidden, knobs.get("router_gain", 1.5))
            low, high = knobs.get("bias", (0.0, 0.0))
            out[m + "gate.e_score_correction_bias"] = draw.uniform(m + "bias", experts, low, high)
            for e in range(experts):
                swiglu(m + f"experts.{e}", cfg["moe_intermediate_size"])
            swiglu(m + "shared_experts", cfg["moe_intermediate_size"] * cfg["n_shared_experts"])
        else:
            swiglu(p + "mlp", cfg["intermediate_size"])

    out["model.embed_tokens.weight"] = draw.normal("embed", (cfg["vocab_size"], hidden), knobs.get("embed_std", 1.0))
    if knobs.get("negative_weights"):
        out["model.embed_tokens.weight"][:, 0] = 10.0  # one large positive channel for every token
    for i in range(cfg["num_hidden_layers"]):
        layer(i, cfg["indexer_types"][i] == "full", cfg["mlp_layer_types"][i] == "sparse")
    for i in range(cfg["num_hidden_layers"], cfg["num_hidden_layers"] + cfg["num_nextn_predict_layers"]):
        p = f"model.layers.{i}."
        layer(i, True, True)
        gain(p + "enorm", hidden)
        gain(p + "hnorm", hidden)
        gain(p + "shared_head.norm", hidden)
        linear(p + "eh_proj", hidden, 2 * hidden, 1.2)
    gain("model.norm", hidden)
    linear("lm_head", cfg["vocab_size"], hidden, knobs.get("head_gain", 2.0))
    return out


# --------------------------------------------------------------------------- files


def quantise(w):
    """Returns e4m3 values, and one f32 scale per 128x128 block.  Blocks at the border are smaller."""
    rows, cols = w.shape
    scale = torch.empty(-(-rows // BLOCK), -(-cols // BLOCK), dtype=torch.float32)
    q = torch.empty(rows, cols, dtype=torch.float8_e4m3fn)
    for i in range(scale.shape[0]):
        for j in range(scale.shape[1]):
            cut = (slice(i * BLOCK, (i + 1) * BLOCK), slice(j * BLOCK, (j + 1) * BLOCK))
            scale[i, j] = w[cut].abs().max() / E4M3_MAX
            q[cut] = (w[cut] / scale[i, j]).to(torch.float8_e4m3fn)
    return q, scale


def dequantise(q, scale):
    rows, cols = q.shape
    spread = scale.repeat_interleave(BLOCK, 0)[:rows].repeat_interleave(BLOCK, 1)[:, :cols]
    return q.to(torch.float32) * spread


def goes_to_fp8(name):
    """Linear weights of attention and MLP, as in the released FP8 repository."""
    if not name.endswith("_proj.weight") and not name.endswith(("wq_b.weight", "wk.weight", "kv_a_proj_with_mqa.weight")):
        return False
    return not name.endswith(("weights_proj.weight", "eh_proj.weight"))


def stored_tensors(tensors, case):
    """The tensors of the files: rounded, and fused or quantised if the case says so."""
    dtype, out = case["dtype"], {}
    for name, value in tensors.items():
        t = torch.from_numpy(np.ascontiguousarray(value, dtype=np.float32))
        if name.endswith("e_score_correction_bias"):
            out[name] = t  # stays F32 in every released checkpoint
        elif dtype == "fp8" and goes_to_fp8(name):
            out[name], out[name + "_scale_inv"] = quantise(t)
        else:
            out[name] = t.to(STORAGE[dtype])
    return fuse_experts(out) if case["layout"] == "fused" else out


def fuse_experts(stored):
    """Fuses the experts as HF has them in memory: [E, 2*inter, hidden] and [E, hidden, inter] per layer."""
    out, groups = {}, {}
    for name, t in stored.items():
        head, sep, tail = name.partition(".experts.")
        if not sep:
            out[name] = t
            continue
        number, which, _ = tail.split(".")
        groups.setdefault(head, {})[(int(number), which)] = t
    for head, parts in groups.items():
        count = 1 + max(e for e, _ in parts)
        gate_up = [torch.cat([parts[e, "gate_proj"], parts[e, "up_proj"]]) for e in range(count)]
        out[head + ".experts.gate_up_proj"] = torch.stack(gate_up)
        out[head + ".experts.down_proj"] = torch.stack([parts[e, "down_proj"] for e in range(count)])
    return out


def write_files(stored, folder, shards):
    meta = {"format": "pt"}
    if shards == 1:
        save_file(stored, str(folder / "model.safetensors"), metadata=meta)
        return
    # The files are cut by bytes, without regard to layers, so that a layer's experts are in two files.
    size = lambda t: t.numel() * t.element_size()  # noqa: E731
    total, done, pieces = sum(map(size, stored.values())), 0, [{} for _ in range(shards)]
    for name in sorted(stored):
        pieces[min(shards - 1, done * shards // total)][name] = stored[name]
        done += size(stored[name])
    index = {"metadata": {"total_size": total}, "weight_map": {}}
    for i, piece in enumerate(pieces):
        file = f"model-{i + 1:05d}-of-{shards:05d}.safetensors"
        save_file(piece, str(folder / file), metadata=meta)
        index["weight_map"].update({name: file for name in piece})
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")


def read_checkpoint(folder):
    """Reads every tensor of a checkpoint as float32, under per-expert names."""
    raw, out = {}, {}
    for file in sorted(Path(folder).glob("*.safetensors")):
        raw.update(load_file(str(file)))
    for name, t in raw.items():
        if name.endswith("_scale_inv"):
            continue
        t = dequantise(t, raw[name + "_scale_inv"]) if name + "_scale_inv" in raw else t.to(torch.float32)
        head, sep, tail = name.partition(".experts.")
        if sep and tail == "gate_up_proj":
            for e, block in enumerate(t):
                gate, up = block.chunk(2)
                out[f"{head}.experts.{e}.gate_proj.weight"] = gate
                out[f"{head}.experts.{e}.up_proj.weight"] = up
        elif sep and tail == "down_proj":
            for e, block in enumerate(t):
                out[f"{head}.experts.{e}.down_proj.weight"] = block
        else:
            out[name] = t
    return out
