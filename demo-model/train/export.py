"""Write the trained weights as a Hugging Face folder with GLM-5.2's tensor names and config keys."""

import json
import os
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from model import Model, MoE, Shape
from tokenizer import ID, write_tokenizer

FILES = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")


def config(s: Shape) -> dict:
    sparse = s.layers - 1
    return {
        "architectures": ["GlmMoeDsaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "dtype": "bfloat16",
        "eos_token_id": [ID["<|endoftext|>"], ID["<|user|>"], ID["<|observation|>"]],
        "ep_size": 1,
        "first_k_dense_replace": 1,
        "head_dim": s.nope,  # the real config also repeats qk_nope_head_dim here; it is not used
        "hidden_act": "silu",
        "hidden_size": s.d,
        "index_head_dim": s.index_dim,
        "index_n_heads": s.index_heads,
        "index_share_for_mtp_iteration": True,
        "index_skip_topk_offset": 3,
        "index_topk": s.topk,
        "index_topk_freq": 4,
        "index_topk_pattern": None,
        "indexer_rope_interleave": True,
        "indexer_types": ["full" if i in s.full else "shared" for i in range(s.layers)],
        "initializer_range": 0.02,
        "intermediate_size": s.dense_ff,
        "kv_lora_rank": s.kv_rank,
        "max_position_embeddings": s.max_len,
        "mlp_layer_types": ["dense"] + ["sparse"] * sparse,
        "model_type": "glm_moe_dsa",
        "moe_intermediate_size": s.expert_ff,
        "moe_layer_freq": 1,
        "moe_router_dtype": "float32",
        "n_group": 1,
        "n_routed_experts": s.experts,
        "n_shared_experts": 1,
        "norm_topk_prob": True,
        "num_attention_heads": s.heads,
        "num_experts_per_tok": s.active,
        "num_hidden_layers": s.layers,
        "num_key_value_heads": s.heads,
        "num_nextn_predict_layers": 1,
        "pad_token_id": ID["<|endoftext|>"],
        "pretraining_tp": 1,
        "q_lora_rank": s.q_rank,
        "qk_head_dim": s.nope + s.rope,
        "qk_nope_head_dim": s.nope,
        "qk_rope_head_dim": s.rope,
        "rms_norm_eps": s.eps,
        "rope_interleave": True,
        "rope_parameters": {"rope_theta": int(s.theta), "rope_type": "default"},
        "routed_scaling_factor": s.route_scale,
        "scoring_func": "sigmoid",
        "tie_word_embeddings": False,
        "topk_group": 1,
        "topk_method": "noaux_tc",
        "transformers_version": "5.12.0",
        "use_cache": True,
        "v_head_dim": s.v,
        "vocab_size": s.vocab,
    }


def generation_config() -> dict:
    return {
        "_from_model_config": True,
        "eos_token_id": [ID["<|endoftext|>"], ID["<|user|>"], ID["<|observation|>"]],
        "pad_token_id": ID["<|endoftext|>"],
        "temperature": 0.7,
        "top_p": 0.95,
        "transformers_version": "5.12.0",
    }


def checkpoint_tensors(model: Model) -> dict[str, Tensor]:
    """Our parameters under the checkpoint's names, as views: writing to one changes the model."""
    s, out = model.s, {}
    out["model.embed_tokens.weight"] = model.embed_tokens.weight
    out["model.norm.weight"] = model.norm.weight
    out["lm_head.weight"] = model.lm_head.weight
    last = f"model.layers.{s.layers}."
    out[last + "enorm.weight"] = model.enorm.weight
    out[last + "hnorm.weight"] = model.hnorm.weight
    out[last + "eh_proj.weight"] = model.eh_proj.weight
    out[last + "shared_head.norm.weight"] = model.head_norm.weight
    for i, layer in enumerate([*model.layers, model.mtp]):
        for name, p in layer.named_parameters():
            if not (isinstance(layer.mlp, MoE) and name.startswith("mlp.")):
                out[f"model.layers.{i}.{name}"] = p
        if isinstance(layer.mlp, MoE):
            moe, prefix, ff = layer.mlp, f"model.layers.{i}.mlp.", s.expert_ff
            out[prefix + "gate.weight"] = moe.gate.weight
            out[prefix + "gate.e_score_correction_bias"] = moe.bias
            for e in range(s.experts + 1):
                who = f"experts.{e}." if e < s.experts else "shared_experts."
                rows = slice(e * ff, (e + 1) * ff)
                out[prefix + who + "gate_proj.weight"] = moe.gate_proj.weight[rows]
                out[prefix + who + "up_proj.weight"] = moe.up_proj.weight[rows]
                out[prefix + who + "down_proj.weight"] = moe.down_proj.weight[:, rows]
    return {name: out[name].detach() for name in sorted(out)}


def write_weights(model: Model, path: Path) -> None:
    """The tensors as bf16. Only the router bias is not rounded, since that would change the choice of experts."""
    tensors = {
        name: (t.clone() if name.endswith("e_score_correction_bias") else t.to(torch.bfloat16)).contiguous()
        for name, t in checkpoint_tensors(model).items()
    }
    save_file(tensors, str(path), metadata={"format": "pt"})


def read_weights(model: Model, path: Path) -> None:
    stored = load_file(str(path))
    ours = checkpoint_tensors(model)
    assert stored.keys() == ours.keys()
    for name, t in ours.items():
        t.copy_(stored[name])


def export(model: Model, tokenizer_folder: Path, folder: Path) -> None:
    """Writes the whole folder under another name, and then puts it into its place."""
    temp = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(temp, ignore_errors=True)
    temp.mkdir(parents=True)
    (temp / "config.json").write_text(json.dumps(config(model.s), indent=2) + "\n")
    (temp / "generation_config.json").write_text(json.dumps(generation_config(), indent=2) + "\n")
    if not (tokenizer_folder / "tokenizer.json").exists():
        write_tokenizer(tokenizer_folder, model.s.max_len)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer_folder / name, temp / name)
    write_weights(model, temp / "model.safetensors")
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    temp.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def publish(folder: Path, target: Path) -> None:
    """Copies the exported files one by one; each is written under another name and renamed. Other files stay."""
    target.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        temp = target / (name + ".tmp")
        shutil.copyfile(folder / name, temp)
        os.replace(temp, target / name)
