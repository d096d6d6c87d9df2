"""Compare greedy texts of this engine with those of transformers in fp32.

    glm52 run "Once upon a time" --temperature 0 --max-tokens 200 --latent-eps 1e-6 --json > run.json
    python demo-model/train/check_greedy.py demo-model run.json ...

Both must choose the same ids, up to the first step at which the two largest logits of transformers
are closer than NEAR. There rounding decides, and the texts may differ from then on.
"""

import json
import sys

import torch
from transformers import GlmMoeDsaForCausalLM

NEAR = 1e-3


def main() -> None:
    folder, *files = sys.argv[1:]
    hf = GlmMoeDsaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    wrong = 0
    for file in files:
        with open(file) as f:
            run = json.load(f)
        prompt, ids = run["prompt_ids"], run["ids"]
        with torch.no_grad():
            logits = hf(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]
        best = logits.topk(2)
        margins = (best.values[:, 0] - best.values[:, 1]).tolist()
        differs = next((i for i, (a, b) in enumerate(zip(best.indices[:, 0].tolist(), ids)) if a != b), None)
        if differs is None:
            print(f"{file}: {len(ids)} ids equal, smallest margin {min(margins):.2e}")
        else:
            near = margins[differs] < NEAR
            wrong += not near
            print(f"{file}: equal up to {differs} of {len(ids)}, margin there {margins[differs]:.2e}: {'near-tie' if near else 'WRONG'}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
