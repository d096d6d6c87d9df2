"""Exports the state of long_context.py as a Hugging Face folder.

    python demo-model/train/export_long.py --work FOLDER OUT
"""

import argparse
from pathlib import Path

import torch

import export
from model import Model, Shape
from train import SEED

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--work", type=Path, required=True)
p.add_argument("out", type=Path)
args = p.parse_args()
model = Model(Shape(), SEED)
model.load_state_dict(torch.load(args.work / "long.pt", weights_only=False)["model"])
with torch.no_grad():
    export.export(model, args.work / "data", args.out)
