"""What one layer remembers of each position."""

import torch


class Memory:
    """Latents, rotated keys, and keys of the ranker, one row for each position."""

    def __init__(self):
        self.latents = self.turned = self.index_keys = None

    def append(self, name, rows):
        """Adds rows of new positions, and gives all rows."""
        before = getattr(self, name)
        joined = rows if before is None else torch.cat([before, rows])
        setattr(self, name, joined)
        return joined

    def add_attention(self, latents, turned):
        return self.append("latents", latents), self.append("turned", turned)

    def add_index_keys(self, keys):
        return self.append("index_keys", keys)
