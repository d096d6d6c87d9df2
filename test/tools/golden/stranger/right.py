"""Right engines, which no judge may accuse: other orders of sums, other roundings, other files."""

from engine.arithmetic import SUMS, Arithmetic

# name: (arithmetic, whether keys and values are expanded, lengths of steps, format of the dump, class that is told)
F16_QUERIES = Arithmetic(cache="f16", queries="f16")
BF16 = Arithmetic(activations="bf16", cache="bf16", queries="bf16")
INT8 = Arithmetic(cache="int8")

RIGHT = {
    **{f"f32, sums {name}": (Arithmetic(sums=name), False, (), "f32", None) for name in SUMS},
    "f32, expanded": (Arithmetic(), True, (), "f32", None),
    "f32, expanded, backward, steps of 5": (Arithmetic(sums="backward"), True, (5,) * 200, "f32", None),
    "f32, token by token": (Arithmetic(), False, (1,) * 64, "f32", None),
    "f32, stored in bf16": (Arithmetic(), False, (), "bf16", None),
    "f32, stored in f16": (Arithmetic(), False, (), "f16", None),
    "f16 caches": (Arithmetic(cache="f16"), False, (), "f32", "f16-cache"),
    "f16 caches, expanded": (Arithmetic(cache="f16"), True, (), "f32", "f16-cache"),
    "f16 caches and queries": (F16_QUERIES, False, (), "f32", "f16-cache"),
    "f16 caches and queries, stored in f16": (F16_QUERIES, False, (), "f16", None),
    "f16 caches and queries, class not told": (F16_QUERIES, False, (), "f32", None),
    "bf16": (BF16, False, (), "bf16", None),
    "bf16, expanded, dump in f32": (BF16, True, (), "f32", "bf16"),
    "bf16 caches": (Arithmetic(cache="bf16"), False, (), "f32", "int8-cache"),
    "int8 cache": (INT8, False, (), "f32", "int8-cache"),
    "int8 cache, class not told": (INT8, False, (), "f32", None),
}
