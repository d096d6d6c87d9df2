"""Layers, the model, and the draft layer behind it."""

import torch
from torch import nn

from .attention import LatentAttention
from .checkpoint import ranking_layers, routing_layers
from .experts import Dense, Mixture
from .memory import Memory
from .parts import Linear, RmsNorm
from .ranker import Ranker


class Block(nn.Module):
    def __init__(self, checkpoint, layer, ranks, routes, options):
        super().__init__()
        config, get, prefix = checkpoint.config, checkpoint.get, f"model.layers.{layer}"
        base, eps = config["rope_parameters"]["rope_theta"], config["rms_norm_eps"]
        self.arithmetic = arithmetic = options.arithmetic
        self.layer, self.memory = layer, Memory()
        self.norm = RmsNorm(get(f"{prefix}.input_layernorm.weight"), eps, arithmetic)
        self.attention = LatentAttention(
            checkpoint, f"{prefix}.self_attn", base, options.latent_eps, arithmetic, options.expanded
        )
        self.ranker = None
        if ranks:
            self.ranker = Ranker(checkpoint, f"{prefix}.self_attn.indexer", base, arithmetic)
        gain = get(f"{prefix}.post_attention_layernorm.weight")
        self.second_norm = RmsNorm(gain, eps, arithmetic)
        self.feed = (Mixture if routes else Dense)(checkpoint, f"{prefix}.mlp", arithmetic)

    def join(self, hidden, more):
        """The residual after the attention."""
        return self.arithmetic.step(hidden + more)

    def close(self, hidden, more):
        """The residual after the feed-forward block."""
        return self.arithmetic.step(hidden + more)

    def rank(self, hidden, latent, positions, borrowed, note):
        if self.ranker is None:
            return borrowed
        return self.ranker(hidden, latent, positions, self.memory, note)

    def forward(self, hidden, positions, borrowed, note):
        """Gives the residual, and the choice that the next layer may borrow."""
        normed = self.norm(hidden)
        latent = self.attention.query_latent(normed)
        chosen = self.rank(normed, latent, positions, borrowed, note)
        mixed = self.attention(normed, latent, positions, self.memory, chosen, note)
        joined = self.join(hidden, mixed)
        second = self.second_norm(joined)
        fed = self.feed(second, note)
        left = self.close(joined, fed)
        for name, tensor in (
            ("attn_norm", normed),
            ("qr", latent),
            ("top_k", chosen.int()),
            ("ffn_inp", joined),
            ("ffn_norm", second),
            ("ffn_out", fed),
            ("l_out", left),
        ):
            note(name, tensor)
        return left, chosen


class Decoder(nn.Module):
    """The main model. It takes tokens in steps, and remembers what was before."""

    def __init__(self, checkpoint, options):
        super().__init__()
        config, get = checkpoint.config, checkpoint.get
        self.table = options.arithmetic.weight(get("model.embed_tokens.weight"))
        kinds = zip(ranking_layers(config), routing_layers(config), strict=False)
        self.blocks = nn.ModuleList(
            Block(checkpoint, layer, ranks, routes, options)
            for layer, (ranks, routes) in enumerate(kinds)
        )
        self.arithmetic = options.arithmetic
        self.norm = RmsNorm(get("model.norm.weight"), config["rms_norm_eps"], options.arithmetic)
        self.head = Linear(get("lm_head.weight"), options.arithmetic)
        self.count = 0

    def embed(self, tokens):
        return self.table[tokens]

    def positions(self, count):
        return torch.arange(self.count, self.count + count)

    def forward(self, tokens, note):
        """One step. Gives the last hidden state and the logits of its tokens."""
        positions, hidden = self.positions(len(tokens)), self.embed(tokens)
        note("inp_embd", hidden)
        chosen = None
        for block in self.blocks:
            hidden, chosen = block(hidden, positions, chosen, note.layer(block.layer))
        last = self.norm(hidden)
        note("result_norm", last)
        logits = self.head(last)
        note("logits", logits)
        self.count += len(tokens)
        return last, logits


class Drafter(nn.Module):
    """The layer behind the last, which guesses the token after the next."""

    def __init__(self, checkpoint, decoder, options):
        super().__init__()
        config, get = checkpoint.config, checkpoint.get
        layer = config["num_hidden_layers"]
        prefix, eps = f"model.layers.{layer}", config["rms_norm_eps"]
        self.arithmetic, self.decoder = options.arithmetic, [decoder]
        self.token_norm = RmsNorm(get(f"{prefix}.enorm.weight"), eps, options.arithmetic)
        self.hidden_norm = RmsNorm(get(f"{prefix}.hnorm.weight"), eps, options.arithmetic)
        self.fuse = Linear(get(f"{prefix}.eh_proj.weight"), options.arithmetic)
        self.block = Block(checkpoint, layer, True, True, options)
        self.norm = RmsNorm(get(f"{prefix}.shared_head.norm.weight"), eps, options.arithmetic)
        self.shares = config.get("index_share_for_mtp_iteration", False)

    def halves(self, tokens, hidden):
        return torch.cat([tokens, hidden], -1)

    def embed(self, tokens):
        return self.decoder[0].embed(tokens)

    def head(self, hidden):
        return self.decoder[0].head(hidden)

    def guess(self, logits):
        return logits[-1:].argmax(-1)

    def recycled(self, before_norm, after_norm):
        """What the next draft step starts from."""
        return after_norm

    def shared_row(self, chosen):
        """The choice that later steps borrow: that of the last slot."""
        return chosen[-1:]

    def step(self, tokens, hidden, positions, borrowed, number, note):
        tokens, hidden = self.token_norm(self.embed(tokens)), self.hidden_norm(hidden)
        fused = self.fuse(self.halves(tokens, hidden))
        ranks = borrowed is None
        inner = note.layer(self.block.layer) if number == 0 else note.silent()
        ranker = self.block.ranker
        if not ranks:
            self.block.ranker = None
        left, chosen = self.block(fused, positions, borrowed, inner)
        self.block.ranker = ranker
        last = self.norm(left)
        logits = self.head(last)
        for name, tensor in (
            ("mtp_enorm", tokens),
            ("mtp_hnorm", hidden),
            ("mtp_eh_proj", fused),
            ("mtp_hidden", last),
            ("mtp_top_k", chosen.int()),
            ("mtp_logits", logits),
        ):
            note(f"{name}-{number}", tensor)
        return left, last, logits, chosen

    def forward(self, tokens, hidden, steps, note):
        """The slots of a text, and then so many guesses more."""
        slots = len(tokens) - 1
        borrowed = None
        left, last, logits, chosen = self.step(
            tokens[1:], hidden[:slots], torch.arange(slots), None, 0, note
        )
        if self.shares:
            borrowed = self.shared_row(chosen)
        for number in range(1, steps + 1):
            position = torch.tensor([slots + number - 1])
            start = self.recycled(left[-1:], last[-1:])
            left, last, logits, _ = self.step(
                self.guess(logits), start, position, borrowed, number, note
            )
