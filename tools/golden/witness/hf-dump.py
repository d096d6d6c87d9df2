"""Runs a case of the golden pack in HF transformers, and writes a dump for `glm52 golden check`.

    pip install torch transformers safetensors
    python hf-dump.py golden/cases/clear-bf16 dump.safetensors --dtype bfloat16
    glm52 golden check dump.safetensors --case clear-bf16

The model is transformers' own and runs once over all tokens. It has no MTP layer.

Of an fp8 checkpoint the weights are unpacked here, in blocks of 128: transformers 5.24 divides a
matrix into equal blocks, as many as there are scales, which is another thing where the last block
is smaller. `--fp8 transformers` leaves it to them.
"""
import argparse
import json

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers.integrations.finegrained_fp8 import Fp8Dequantize
from transformers.models.glm_moe_dsa import modeling_glm_moe_dsa as hf

# Modules of a layer, and the stage that their output is.
OUTPUTS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_a_layernorm": "qr",
    "self_attn.kv_a_layernorm": "kv_cmpr",
    "self_attn.indexer.weights_proj": "indexer_weights",
    "self_attn.o_proj": "attn_out",
    "post_attention_layernorm": "ffn_norm",
    "mlp.experts": "ffn_moe_out",
    "mlp.shared_experts": "ffn_shexp",
    "mlp": "ffn_out",
    "": "l_out",
}

# Rows and columns of a block of fp8 weights.
BLOCK = 128


def pairs(x):
    """Rotated channels come as all firsts of the pairs, then all seconds; here, pair by pair."""
    return x.unflatten(-1, (2, -1)).transpose(-1, -2).flatten(-2)


def chosen(rows):
    """Ascending; what is in the future is no choice, and -1 stands at the end for it."""
    limit = torch.arange(rows.shape[0])[:, None]
    rows = rows.long().masked_fill(rows > limit, 2**31 - 1).sort(-1).values
    return rows.masked_fill(rows == 2**31 - 1, -1).int()


def unpacked(_, quantized, scales, output_dtype=None):
    """Weights of fp8 codes and the scales of blocks of 128, the last of which may be smaller."""
    for axis in (-2, -1):
        scales = scales.repeat_interleave(BLOCK, axis).narrow(axis, 0, quantized.shape[axis])
    return (quantized.float() * scales).to(output_dtype or scales.dtype)


class Stages(dict):
    """Hooks on a model; after a forward pass, the stages by their names in the pack."""

    def __init__(self, model):
        super().__init__()
        self.heads, self.nope = model.config.num_attention_heads, model.config.qk_nope_head_dim
        self.rotated, self.parts = None, {}
        plain = hf.apply_rotary_pos_emb_interleave

        def rotate(*args, **kwargs):  # is no module: it tells the module that began last
            q, k = plain(*args, **kwargs)
            self.rotated(pairs(q[0]), pairs(k[0]))
            return q, k

        hf.apply_rotary_pos_emb_interleave = rotate
        self.on(model.model.embed_tokens, "inp_embd")
        self.on(model.model.norm, "result_norm")
        self.on(model.lm_head, "logits")
        for i, layer in enumerate(model.model.layers):
            self.layer(layer, f"-{i}")

    def put(self, name, x):
        self[name] = x.detach().clone(memory_format=torch.contiguous_format)

    def on(self, module, name, pick=lambda out: (out[0] if isinstance(out, tuple) else out).flatten(0, -2)):
        module.register_forward_hook(lambda _, args, out: self.put(name, pick(out)))

    def layer(self, layer, at):
        modules = dict(layer.named_modules())
        for name, stage in OUTPUTS.items():
            if name in modules:
                self.on(modules[name], stage + at)
        attn, gate = layer.self_attn, modules.get("mlp.gate")
        self.on(attn, "top_k" + at, lambda out: chosen(out[2][0]))
        self.on(attn.q_b_proj, "q_nope" + at, lambda q: q[0].unflatten(-1, (self.heads, -1))[..., : self.nope])
        layer.post_attention_layernorm.register_forward_pre_hook(lambda _, x: self.put("ffn_inp" + at, x[0][0]))
        if gate is not None:
            self.on(gate, "ffn_moe_logits" + at)
            self.on(gate, "ffn_moe_topk" + at, lambda out: out[2].sort(-1).values.int())
            self.on(gate, "ffn_moe_weights" + at, lambda out: out[1].gather(1, out[2].sort(-1).indices))

        def seen(q, k):
            self.put("q_pe" + at, q.transpose(0, 1))
            self.put("k_pe" + at, k[0])

        attn.register_forward_pre_hook(lambda *_: setattr(self, "rotated", seen))
        if attn.indexer is not None:
            self.indexer(attn.indexer, at)

    def indexer(self, indexer, at):
        def seen(q, k):
            whole = self.parts["q"][0].unflatten(-1, (indexer.n_heads, -1))
            self.put("indexer_q" + at, torch.cat([q, whole[..., q.shape[-1] :]], -1))
            self.put("indexer_k" + at, torch.cat([k[:, 0], self.parts["k"][0, :, k.shape[-1] :]], -1))

        indexer.wq_b.register_forward_hook(lambda _, args, out: self.parts.update(q=out))
        indexer.k_norm.register_forward_hook(lambda _, args, out: self.parts.update(k=out))
        indexer.register_forward_pre_hook(lambda *_: setattr(self, "rotated", seen))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", help="folder with model/ and tokens.json")
    parser.add_argument("out", help="the dump, safetensors")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    parser.add_argument("--attn", choices=["eager", "sdpa"], default="eager", help="attention to run")
    parser.add_argument("--experts", default="eager", help="experts to run: eager, batched_mm, grouped_mm")
    parser.add_argument("--fp8", choices=["blocks", "transformers"], default="blocks", help="who unpacks fp8 weights")
    args = parser.parse_args()
    if args.fp8 == "blocks":
        Fp8Dequantize._dequantize_one = unpacked
    kinds = {"attn_implementation": args.attn, "experts_implementation": args.experts}
    model = AutoModelForCausalLM.from_pretrained(args.case + "/model", dtype=getattr(torch, args.dtype), **kinds)
    with open(args.case + "/tokens.json") as file:
        tokens = torch.tensor([json.load(file)["tokens"]])
    stages = Stages(model.eval())
    with torch.no_grad():
        model(input_ids=tokens, use_cache=False)
    save_file(dict(stages), args.out)
    print(f"{args.out}: {len(stages)} stages of {tokens.shape[1]} tokens in {args.dtype}")
