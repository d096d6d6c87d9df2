"""Compare model.py with transformers' eager GlmMoeDsaForCausalLM in fp32, past index_topk.

  python check_hf.py            random weights
  python check_hf.py FOLDER     an exported folder
"""

import sys
import tempfile
from pathlib import Path

import torch
from transformers import GlmMoeDsaForCausalLM

import export
from model import Model, Shape
from tokenizer import ID


def main() -> None:
    torch.manual_seed(1)
    s = Shape()
    model = Model(s, seed=1).eval()
    with tempfile.TemporaryDirectory() as scratch:
        if len(sys.argv) > 1:
            folder = Path(sys.argv[1])
        else:
            folder = Path(scratch) / "random"
            # Norm weights, norm biases and router biases away from their neutral start values.
            with torch.no_grad():
                for p in model.parameters():
                    if p.dim() == 1:
                        p.add_(0.2 * torch.randn_like(p))
                for moe in model.moe_blocks():
                    moe.bias.copy_(0.1 * torch.randn_like(moe.bias))
            export.export(model, Path(scratch) / "tokenizer", folder)
        export.read_weights(model, folder / "model.safetensors")
        hf, info = GlmMoeDsaForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        )
    missing, unexpected = sorted(info["missing_keys"]), sorted(info["unexpected_keys"])
    assert not missing, missing
    assert all(k.startswith(f"model.layers.{s.layers}.") for k in unexpected), unexpected
    tokens = torch.randint(0, 2040, (2, 4 * s.topk))
    tokens[0, 5] = ID["<|endoftext|>"]
    with torch.no_grad():
        ours = model.lm_head(model(tokens, "sparse")[0])
        dense = model.lm_head(model(tokens, "dense")[0])
        theirs = hf.eval()(tokens).logits
    delta = (ours - theirs).abs().max().item()
    effect = (ours - dense)[:, s.topk :].abs().max().item()
    early = (ours - dense)[:, : s.topk].abs().max().item()
    print(f"tensors unexpected by transformers (the MTP block): {len(unexpected)}")
    print(f"max |logit| {theirs.abs().max():.3f}; max |delta| to transformers {delta:.2e}")
    print(f"sparse against dense: {early:.2e} before row {s.topk}, {effect:.2e} after")
    assert delta < 2e-4 and early < 2e-4 < effect


if __name__ == "__main__":
    main()
