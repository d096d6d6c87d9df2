#!/usr/bin/env python3
"""Computes FLOPs and bytes of GLM-5.2 a second time, to check `glm52 plan`.

It uses only the lengths of the config and shares nothing with the TypeScript, which goes through its
table of tensor names. Python's integers are exact, and the prefill is summed token by token.

    python3 tools/golden/oracle/costs.py > test/tools/inspect/plan-costs.json
"""

import json
from fractions import Fraction

HIDDEN, LAYERS, VOCAB, HEADS = 6144, 78, 154880, 64
Q_LORA, KV_LORA, NOPE, ROPE, V = 2048, 512, 192, 64, 256
FFN, N_DENSE, MOE, EXPERTS, PER_TOKEN, SHARED = 12288, 3, 2048, 256, 8, 1
IDX_HEADS, IDX, TOPK = 32, 128, 2048
FULL = [0, 1, 2, *range(6, 75, 4)]
CONTEXTS = [1024, 2048, 4096, 8192, 32768, 131072, 262144, 524288, 1000000, 1048576]

query = HIDDEN * Q_LORA + Q_LORA * HEADS * (NOPE + ROPE)
key_value = HIDDEN * (KV_LORA + ROPE) + KV_LORA * HEADS * (NOPE + V)
attention = query + key_value + HEADS * V * HIDDEN
indexer = Q_LORA * IDX_HEADS * IDX + HIDDEN * IDX + HIDDEN * IDX_HEADS
sparse = (PER_TOKEN + SHARED) * 3 * HIDDEN * MOE + HIDDEN * EXPERTS
active = LAYERS * attention + N_DENSE * 3 * HIDDEN * FFN + (LAYERS - N_DENSE) * sparse + VOCAB * HIDDEN


def token(n, indexers, rows):
    weights = 2 * (active + indexers * indexer)
    attend = 2 * LAYERS * HEADS * rows * (KV_LORA + ROPE + KV_LORA)
    score = indexers * (2 * IDX_HEADS * IDX * n + 2 * IDX_HEADS * n)
    return [int(weights), int(attend), int(score)]


def prefill(n):
    """FLOPs of a prefill, by summing the rows and keys that each token sees."""
    rows = sum(min(t, TOPK) for t in range(1, n + 1))
    keys = sum(range(1, n + 1))
    one = token(0, len(FULL), 1)[1]
    return [token(0, len(FULL), 0)[0] * n, one * rows, len(FULL) * 2 * IDX_HEADS * (IDX + 1) * keys]


def ratio(a, b):
    return float(Fraction(sum(a), sum(b)))


def conventions():
    """Ways to count that could explain the published factor of 2.9, and the factor that each gives."""
    n, million = 2**20, 10**6
    dsa, share = token(n, LAYERS, TOPK), token(n, len(FULL), TOPK)
    quarter = token(n, Fraction(LAYERS, 4), TOPK)
    expanded = Fraction(2 * (NOPE + ROPE + V), 2 * (2 * KV_LORA + ROPE))
    in_heads = lambda t: [t[0], t[1] * expanded, t[2]]
    head = 2 * VOCAB * HIDDEN
    return {
        "shipped": ratio(dsa, share),
        "shippedAtMillion": ratio(token(million, LAYERS, TOPK), token(million, len(FULL), TOPK)),
        "quarter": ratio(dsa, quarter),
        "quarterAtMillion": ratio(
            token(million, LAYERS, TOPK), token(million, Fraction(LAYERS, 4), TOPK)
        ),
        "quarterExpandedHeads": ratio(in_heads(dsa), in_heads(quarter)),
        "quarterWithoutHead": ratio([*dsa, -head], [*quarter, -head]),
        "shippedWithoutHeadAndCore": ratio(
            [dsa[0] - head, dsa[2] * Fraction(IDX, IDX + 1)],
            [share[0] - head, share[2] * Fraction(IDX, IDX + 1)],
        ),
        "shippedIndexerAndCore": ratio(dsa[1:], share[1:]),
        "indexersAlone": LAYERS / len(FULL),
    }


print(
    json.dumps(
        {
            "contexts": [
                {
                    "context": n,
                    "dense": token(n, 0, n),
                    "dsaEveryLayer": token(n, LAYERS, min(n, TOPK)),
                    "indexShare": token(n, len(FULL), min(n, TOPK)),
                    "prefill": prefill(n),
                    "expandedPrefill": LAYERS * 2 * HEADS * (NOPE + ROPE + V) * (n * (n + 1) // 2),
                }
                for n in CONTEXTS
            ],
            "kvBytesPerToken": {
                "f32": [LAYERS * 4 * (KV_LORA + ROPE), len(FULL) * 4 * IDX],
                "bf16": [LAYERS * 2 * (KV_LORA + ROPE), len(FULL) * 2 * IDX],
                "int8": [
                    LAYERS * (KV_LORA + 2 * (KV_LORA // 64) + 2 * ROPE),
                    len(FULL) * (IDX + 2 * (IDX // 64)),
                ],
                "fp8": [
                    LAYERS * (KV_LORA + 4 * (KV_LORA // 128) + 2 * ROPE),
                    len(FULL) * (IDX + 4),
                ],
            },
            "conventions": conventions(),
        },
        indent=2,
    )
)
