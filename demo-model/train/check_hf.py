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
            # Change norm weights, norm biases and router biases, which start with neutral values.
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
    tokens = torch.randint(0, 2040, (4, 4 * s.topk))
    tokens[0, 5] = ID["<|endoftext|>"]
    theirs_chosen: dict[int, torch.Tensor] = {}
    for i in s.full:
        hf.model.layers[i].self_attn.indexer.register_forward_hook(
            lambda _m, _a, out, i=i: theirs_chosen.__setitem__(i, out.long())
        )
    with torch.no_grad():
        h, _, trace = model(tokens, "sparse")
        ours = model.lm_head(h)
        dense = model.lm_head(model(tokens, "dense")[0])
        theirs = hf.eval()(tokens).logits

    # Where two scores differ only by rounding, the models may select different rows. Every later row
    # of that sequence may then differ too. So only rows before such a swap are compared, and the
    # swapped scores must be nearly equal.
    sure = torch.full((len(tokens),), tokens.shape[1])
    swaps, widest = 0, 0.0
    for i in s.full:
        for b, t, gap in differing_rows(trace.score[i], trace.chosen[i], theirs_chosen[i]):
            if t <= sure[b]:
                swaps, widest = swaps + 1, max(widest, gap)
                sure[b] = min(int(sure[b]), t)
    rows = torch.arange(tokens.shape[1]) < sure[:, None]
    delta = (ours - theirs).abs().amax(-1)[rows].max().item()
    effect = (ours - dense)[:, s.topk :].abs().max().item()
    early = (ours - dense)[:, : s.topk].abs().max().item()
    print(f"tensors unexpected by transformers (the MTP block): {len(unexpected)}")
    print(f"max |logit| {theirs.abs().max():.3f}; max |delta| to transformers {delta:.2e} on {int(rows.sum())} rows")
    print(f"near-tie swaps: {swaps}, largest score gap {widest:.1e}")
    print(f"sparse against dense: {early:.2e} before row {s.topk}, {effect:.2e} after")
    assert delta < 2e-4 and early < 2e-4 < effect
    assert widest < 1e-5 and rows[:, s.topk :].float().mean() > 0.3


def differing_rows(score, ours, theirs):
    """The rows with different selections, as (sequence, row, largest gap among the swapped scores)."""
    B, T, _ = score.shape
    a = torch.zeros(B, T, T).scatter_(-1, ours, 1.0).tril()
    b = torch.zeros(B, T, T).scatter_(-1, theirs, 1.0).tril()
    for seq, row in (a != b).any(-1).nonzero().tolist():
        swapped = score[seq, row][a[seq, row] != b[seq, row]]
        yield seq, row, (swapped.max() - swapped.min()).item()


if __name__ == "__main__":
    main()
