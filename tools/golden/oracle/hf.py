"""Runs the model of HF transformers and records every stage, in float32 or in float64.

The float32 runs use the module of transformers as it is.  For float64 this is not enough,
because the module casts to float32 in many places (norms, rope tables, softmax, router,
indexer).  So `widened_module` compiles the same source with these casts changed to
float64, and `NoNarrowFloats` checks at run time that none was missed.
"""

import importlib.util
import inspect
import re
import sys
from collections import namedtuple

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import GlmMoeDsaConfig
from transformers.models.glm_moe_dsa import modeling_glm_moe_dsa as stock

# Every way in which the source of transformers 5.18.0 narrows a tensor, and what replaces it.
WIDENINGS = [
    (re.compile(r"torch\.float32\b"), "torch.float64"),
    (re.compile(r"\bdtype=torch\.float\b"), "dtype=torch.float64"),
    (re.compile(r"\.float\(\)"), ".double()"),
]
WIDE_NAME = stock.__name__ + "_f64"


def widened_lines():
    """(line number, before, after) for each line the float64 edition changes."""
    changed = []
    for number, line in enumerate(inspect.getsource(stock).splitlines(), 1):
        wide = line
        for pattern, replacement in WIDENINGS:
            wide = pattern.sub(replacement, wide)
        if wide != line:
            changed.append((number, line.strip(), wide.strip()))
    return changed


def widened_module():
    if WIDE_NAME in sys.modules:
        return sys.modules[WIDE_NAME]
    source = inspect.getsource(stock)
    for pattern, replacement in WIDENINGS:
        source = pattern.sub(replacement, source)
    spec = importlib.util.spec_from_loader(WIDE_NAME, loader=None, origin=stock.__file__)
    module = importlib.util.module_from_spec(spec)
    module.__file__ = stock.__file__
    sys.modules[WIDE_NAME] = module
    # transformers' docstring decorator derives the model's name from this path.
    exec(compile(source, stock.__file__, "exec"), module.__dict__)
    return module


class NoNarrowFloats(TorchDispatchMode):
    """Raises as soon as any operation yields a floating tensor narrower than float64."""

    NARROW = {torch.float32, torch.float16, torch.bfloat16}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor) and leaf.dtype in self.NARROW:
                raise AssertionError(f"{func} produced {leaf.dtype} inside the float64 oracle")
        return result


def check_guard():
    """Checks that the guard itself notices a float32 tensor."""
    try:
        with NoNarrowFloats():
            torch.zeros(2, dtype=torch.float64).float()
    except AssertionError:
        return
    raise RuntimeError("NoNarrowFloats did not notice a float32 tensor")


# --------------------------------------------------------------------------- loading


def load_config(folder):
    config = GlmMoeDsaConfig.from_pretrained(folder)
    config._attn_implementation = "eager"
    config._experts_implementation = "eager"
    return config


def state_dict(tensors, config, dtype):
    """HF's parameters from a checkpoint's tensors: experts are stacked, the MTP layer is left out."""
    out, mtp = {}, f"model.layers.{config.num_hidden_layers}."
    stacks = {}
    for name, t in tensors.items():
        if name.startswith(mtp):
            continue
        head, sep, tail = name.partition(".experts.")
        if sep:
            number, which, _ = tail.split(".")
            stacks.setdefault(head, {})[int(number), which] = t
        else:
            out[name] = t.to(dtype)
    for head, parts in stacks.items():
        count = range(config.n_routed_experts)
        out[head + ".experts.gate_up_proj"] = torch.stack(
            [torch.cat([parts[e, "gate_proj"], parts[e, "up_proj"]]) for e in count]
        ).to(dtype)
        out[head + ".experts.down_proj"] = torch.stack([parts[e, "down_proj"] for e in count]).to(dtype)
    return out


def build(folder, tensors, wide):
    config = load_config(folder)
    module = widened_module() if wide else stock
    dtype = torch.float64 if wide else torch.float32
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        model = module.GlmMoeDsaForCausalLM(config).eval()
    finally:
        torch.set_default_dtype(before)
    model.load_state_dict(state_dict(tensors, config, dtype), strict=True)
    return module, model


def check_from_pretrained(folder, model):
    """Checks that HF's own loader reads the same parameters from the files as ours."""
    theirs = stock.GlmMoeDsaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    ours = model.state_dict()
    for name, t in theirs.state_dict().items():
        if not torch.equal(t.to(torch.float32), ours[name]):
            raise AssertionError(f"from_pretrained disagrees on {name}")


# --------------------------------------------------------------------------- taps


def interleaved(x):
    """Puts the two channels of each pair side by side again; HF has all first ones before all second ones."""
    first, second = x.chunk(2, dim=-1)
    return torch.stack([first, second], dim=-1).flatten(-2)


TopK = namedtuple("TopK", "values indices")


class IndexerTopK(TorchFunctionMode):
    """Records the score matrix from which the indexer selects.

    With ``stable`` it also replaces torch.topk, whose choice among equal scores is
    arbitrary, by (score descending, index ascending).
    """

    def __init__(self, taps, stable):
        super().__init__()
        self.taps, self.stable = taps, stable

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.Tensor.topk and self.taps.in_indexer:
            self.taps.put("indexer_score", args[0])
            if self.stable:
                values, indices = torch.sort(args[0], dim=-1, descending=True, stable=True)
                return TopK(values[..., : args[1]], indices[..., : args[1]])
        return func(*args, **kwargs)


class Taps:
    """Forward hooks that record every stage under the names of llama.cpp."""

    def __init__(self, module, model):
        self.values, self.layer, self.in_indexer = {}, None, False
        self.config, self.handles = model.config, []
        self.module, self.rotate = module, module.apply_rotary_pos_emb_interleave
        module.apply_rotary_pos_emb_interleave = self._rotate
        base = model.model
        for i, layer in enumerate(base.layers):
            self._layer(i, layer)
        self._on(base.norm, "result_norm", layered=False)

    def close(self):
        for handle in self.handles:
            handle.remove()
        self.module.apply_rotary_pos_emb_interleave = self.rotate

    def put(self, name, value):
        self.values[f"{name}-{self.layer}"] = value.detach()

    def _on(self, module, name, pick=lambda out: out, layered=True):
        def hook(_module, _args, output):
            value = pick(output)
            if layered:
                self.put(name, value)
            else:
                self.values[name] = value.detach()

        self.handles.append(module.register_forward_hook(hook))

    def _layer(self, i, layer):
        def enter(_module, _args):
            self.layer = i

        self.handles.append(layer.register_forward_pre_hook(enter))
        attn = layer.self_attn
        self._on(layer.input_layernorm, "attn_norm")
        self._on(attn.q_a_layernorm, "qr")
        self._on(attn.q_b_proj, "_q")
        self._on(attn.kv_a_layernorm, "kv_cmpr")
        self._on(attn.o_proj, "attn_out")
        self._on(attn, "top_k", lambda out: out[2])
        if attn.indexer is not None:
            self._on(attn.indexer.wq_b, "_indexer_q")
            self._on(attn.indexer.k_norm, "_indexer_k")
            self._on(attn.indexer.weights_proj, "indexer_weights")

            def flag(value):
                def hook(*_):
                    self.in_indexer = value

                return hook

            self.handles.append(attn.indexer.register_forward_pre_hook(flag(True)))
            self.handles.append(attn.indexer.register_forward_hook(flag(False)))

        def keep_input(_module, args):
            self.put("ffn_inp", args[0])

        self.handles.append(layer.post_attention_layernorm.register_forward_pre_hook(keep_input))
        self._on(layer.post_attention_layernorm, "ffn_norm")
        if hasattr(layer.mlp, "gate"):
            self._on(layer.mlp.gate, "ffn_moe_logits", lambda out: out[0])
            self._on(layer.mlp.gate, "ffn_moe_weights", lambda out: out[1])
            self._on(layer.mlp.gate, "ffn_moe_topk", lambda out: out[2])
            self._on(layer.mlp.experts, "ffn_moe_out")
            self._on(layer.mlp.shared_experts, "ffn_shexp")
        self._on(layer.mlp, "ffn_out")
        self._on(layer, "l_out", lambda out: out[0])

    def _rotate(self, q, k, cos, sin, **kwargs):
        q_out, k_out = self.rotate(q, k, cos, sin, **kwargs)
        where = "_indexer" if self.in_indexer else ""
        self.put(f"{where}_q_rot", q_out)
        self.put(f"{where}_k_rot", k_out)
        return q_out, k_out

    def collect(self, logits):
        """The recorded stages in the form of the fixtures: no batch axis, heads split, pairs side by side."""
        raw, cfg, out = self.values, self.config, {}
        count = logits.shape[1]
        causal = torch.ones(count, count, dtype=torch.bool).tril()
        for i in range(cfg.num_hidden_layers):
            get = lambda name: raw.get(f"{name}-{i}")  # noqa: B023, E731

            def put(name, value):
                out[f"{name}-{i}"] = value.contiguous()  # noqa: B023

            for name in ("attn_norm", "qr", "attn_out", "ffn_inp", "ffn_norm", "ffn_out", "l_out"):
                put(name, get(name)[0])
            put("q_nope", get("_q")[0].view(count, cfg.num_attention_heads, -1)[..., : cfg.qk_nope_head_dim])
            put("q_pe", interleaved(get("_q_rot")[0].transpose(0, 1)))
            put("kv_cmpr", get("kv_cmpr").reshape(count, -1))
            put("k_pe", interleaved(get("_k_rot")[0, 0]))
            put("top_k", ascending_rows(get("top_k")[0]))
            if get("indexer_score") is not None:
                rot = cfg.qk_rope_head_dim
                q = get("_indexer_q")[0].view(count, cfg.index_n_heads, -1)
                put("indexer_q", torch.cat([interleaved(get("_indexer_q_rot")[0]), q[..., rot:]], -1))
                k = get("_indexer_k")[0]
                put("indexer_k", torch.cat([interleaved(get("_indexer_k_rot")[0, :, 0]), k[:, rot:]], -1))
                put("indexer_weights", get("indexer_weights")[0])
                put("indexer_score", get("indexer_score")[0].masked_fill(~causal, float("-inf")))
            if get("ffn_moe_logits") is not None:
                ids, order = get("ffn_moe_topk").sort(dim=-1)
                put("ffn_moe_logits", get("ffn_moe_logits"))
                put("ffn_moe_topk", ids.to(torch.int32))
                put("ffn_moe_weights", get("ffn_moe_weights").gather(1, order))
                put("ffn_moe_out", get("ffn_moe_out"))
                put("ffn_shexp", get("ffn_shexp")[0])
        out["result_norm"] = raw["result_norm"][0].contiguous()
        out["logits"] = logits[0].contiguous()
        return {name: value.numpy() for name, value in out.items()}


def ascending_rows(rows):
    """Removes rows that the causal mask hides anyway, sorts the others, and pads with -1 at the end."""
    count, k = rows.shape
    limit = torch.arange(count, dtype=torch.int32)[:, None]
    ordered = torch.where(rows <= limit, rows, torch.full_like(rows, count + k)).sort(dim=-1).values
    return torch.where(ordered <= limit, ordered, torch.full_like(ordered, -1)).to(torch.int32)


@torch.no_grad()
def run(folder, tensors, tokens, wide, stable_ties):
    """One forward pass over the whole prompt.  Returns (model, stages as numpy)."""
    ids = torch.tensor([tokens])

    def forward():
        module, model = build(folder, tensors, wide)
        taps = Taps(module, model)
        try:
            with IndexerTopK(taps, stable_ties):
                logits = model(input_ids=ids, use_cache=False).logits
        finally:
            taps.close()
        return model, taps, logits

    if not wide:
        model, taps, logits = forward()
    else:
        wide_tensors = {name: t.double() for name, t in tensors.items()}
        tensors = wide_tensors
        with NoNarrowFloats():
            model, taps, logits = forward()
        for name, t in taps.values.items():
            assert t.dtype in (torch.float64, torch.int32, torch.int64), (name, t.dtype)
    return model, taps.collect(logits)
