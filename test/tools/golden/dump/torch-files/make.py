"""Writes the files beside it, as torch 2.13 saves them: python3 make.py

The tests read them. They hold small tensors whose numbers the tests know.
"""

from pathlib import Path

import torch

HERE = Path(__file__).parent
x = torch.arange(6, dtype=torch.float32).reshape(2, 3) / 2


def layout(folder, files):
    (HERE / folder).mkdir(exist_ok=True, parents=True)
    for name, value in files.items():
        torch.save(value, HERE / folder / name)


class Other:
    """A class of somebody's own, which nobody should have to trust."""


layout(
    ".",
    {
        "dict.pt": {
            "l_out-0": x,
            "l_out-1": x.t(),  # not in C order
            "l_out-2": x.bfloat16(),
            "l_out-3": x.half(),
            "l_out-4": x.double(),
            "top_k-0": torch.tensor([[0, 1], [1, -1]]),
            "top_k-1": torch.tensor([[0, 1], [1, -1]], dtype=torch.int32),
            "rows 1": x[1:],  # a part of a storage
            "pair": [x, 2 * x],
            "note": "no tensor",
            "step": 3,
        },
        "one.pt": x,
        "parameter.pt": {"w": torch.nn.Parameter(x)},
        "dtype.pt": {"value": x, "meta": {"dtype": torch.float32, "shape": x.shape}},
        "bool.pt": {"mask": x > 1},
        "other.pt": {"l_out-0": x, "other": Other()},
    },
)
layout("modules/TP0_PP0_Rank0_pid7", {"Pass00000.pt": {"model.layers.0": x, "model.norm": [x, x]}})
facts = "forward_pass_id=1___rank=0___name={}___dump_index={}___layer_id=0.pt"
layout("dumper", {facts.format("l_out", 1): x, facts.format("qr", 2): {"value": x, "meta": {"rank": 0}}})
