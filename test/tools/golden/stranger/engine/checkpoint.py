"""Reads the checkpoint of a case into float32 tensors."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

BLOCK = 128  # rows and columns that share a scale in an e4m3 weight


class Checkpoint:
    """The config of a model folder, and its weights by name."""

    def __init__(self, folder):
        folder = Path(folder)
        self.config = json.loads((folder / "config.json").read_text())
        self.stored = {}
        for file in sorted(folder.glob("*.safetensors")):
            self.stored.update(load_file(file))

    def __contains__(self, name):
        return name in self.stored

    def get(self, name):
        """A tensor in float32. An e4m3 weight has a tensor of scales beside it."""
        tensor = self.stored[name]
        scales = self.stored.get(f"{name}_scale_inv")
        if scales is None:
            return tensor.float()
        rows, columns = tensor.shape
        by_row = scales.float().repeat_interleave(BLOCK, 0)[:rows]
        return tensor.float() * by_row.repeat_interleave(BLOCK, 1)[:, :columns]

    def experts(self, prefix, count):
        """Gate, up and down of all experts, whether they are stored apart or fused."""
        if f"{prefix}.gate_up_proj" in self.stored:
            gate, up = self.get(f"{prefix}.gate_up_proj").chunk(2, dim=1)
            return gate.clone(), up.clone(), self.get(f"{prefix}.down_proj")
        return tuple(
            torch.stack([self.get(f"{prefix}.{e}.{part}_proj.weight") for e in range(count)])
            for part in ("gate", "up", "down")
        )


def ranking_layers(config):
    """For each layer, whether it ranks for itself. The first of three keys that is there decides."""
    count = config["num_hidden_layers"]
    words = config.get("indexer_types") or config.get("index_topk_pattern")
    if words:
        return [word in ("full", "F") for word in words][:count]
    every = config.get("index_topk_freq") or 1
    offset = config.get("index_skip_topk_offset")
    offset = 2 if offset is None else offset
    return [max(layer - offset + 1, 0) % every == 0 for layer in range(count)]


def routing_layers(config):
    """For each layer, whether it has experts."""
    words = config.get("mlp_layer_types")
    if words:
        return [word == "sparse" for word in words]
    first = config.get("first_k_dense_replace", 0)
    return [layer >= first for layer in range(config["num_hidden_layers"])]
