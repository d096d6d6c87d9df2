"""Loads tiny cases with whatever transformers is installed, saves them as that release does, and
notes the ids that it generates.

    python tools/golden/oracle/roundtrip.py --out .cache/roundtrip
    npm run roundtrip -- .cache/roundtrip

The second command loads the saved folders with this engine and expects the same ids. Nothing but
torch and transformers is needed, of any release that has the class GlmMoeDsaForCausalLM.
"""

import argparse
import json
import warnings
from pathlib import Path

import torch
import transformers
from transformers.models.glm_moe_dsa.configuration_glm_moe_dsa import GlmMoeDsaConfig
from transformers.models.glm_moe_dsa.modeling_glm_moe_dsa import GlmMoeDsaForCausalLM

CASES = Path(__file__).parents[3] / "golden" / "cases"

# One case for each way to write a schedule, experts, groups and number formats.
NAMES = [
    "tiny-all",
    "all-full",
    "offset3-freq4",
    "pattern-list",
    "custom-types",
    "dense-only",
    "all-sparse",
    "groups2-bias",
    "fused-experts",
    "bf16-small",
    "clear-mtp",
]

# Tokens that are generated after the prompt of a case.
COUNT = 8


@torch.no_grad()
def greedy(model, prompt):
    """The likeliest ids, each from a forward pass over the whole text: no cache takes part."""
    ids = list(prompt)
    for _ in range(COUNT):
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits
        ids.append(int(logits[0, -1].argmax()))
    return ids[len(prompt) :]


def load(folder, config=None):
    return GlmMoeDsaForCausalLM.from_pretrained(
        folder, config=config, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def config_of(folder):
    """The config, without the one key whose words differ from release to release."""
    said = json.loads((folder / "config.json").read_text())
    said.pop("layer_types", None)
    return GlmMoeDsaConfig.from_dict(said)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder to write; one folder for each case")
    parser.add_argument("--case", action="append", help="only this case; may be repeated")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()

    result = {"transformers": transformers.__version__, "torch": torch.__version__, "cases": {}}
    for name in args.case or NAMES:
        tokens = json.loads((CASES / name / "tokens.json").read_text())["tokens"]
        folder = CASES / name / "model"
        model = load(folder, config_of(folder))
        ids = greedy(model, tokens)
        # What is compared is what was saved: the file is read again by the same release.
        model.save_pretrained(args.out / name)
        if greedy(load(args.out / name), tokens) != ids:
            raise SystemExit(f"{name}: transformers gives other ids for what it saved itself")
        files = ["config.json", "generation_config.json"]
        saved = {file: json.loads((args.out / name / file).read_text()) for file in files}
        result["cases"][name] = {"prompt": tokens, "ids": ids, "files": saved}
        print(f"{name}: {' '.join(map(str, ids))}", flush=True)
    (args.out / "ids.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
