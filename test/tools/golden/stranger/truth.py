"""Which explanations are right, by what kind of difference a mistake makes.

Written after the list was frozen, and before any search was seen. An explanation is a sentence, or the
name of a mistake of the atlas. It is right where its words are those of the kind, or of the mistake
itself; wrong where they are others; and missing where the kit says that it knows none.
"""

import re

BY_RELATION = {
    "factor": r"factor|times|scale|multipl|divid|halv|doubl|twice as|temperature",
    "factor-by-position": r"factor|per (row|position|token)|by position|for each (row|position)|scale|gate",
    "factor-by-channel": r"factor|channel|frequenc|angle",
    "term-factor": r"factor|weigh|times|share|scale",
    "term-twice": r"twice|doubl|once more|times 2|too much|again",
    "term-missing": r"missing|without|absent|left out|lack|not added|no (bias|residual)|only|dropp",
    "term-extra": r"too much|added|extra|term|bias|plus|constant|more|sink",
    "sign": r"sign|negat|minus|opposite|other way|subtract|times -|factor -|−1|\b-1\b",
    "shift": r"shift|(row|position|token|step)s? (before|after|earlier|later)|previous|next|one (row|place|position)",
    "permutation": r"permut|order|swap|exchang|transpos|revers|interleav|other places|halves|rows? by rows?",
    "cut": r"rows? |first|last|from (row|position|token)|every|zero|border|step|window|chunk",
    "mask": r"mask|sees?|window|future|attend|own position|positions?",
    "choice": r"chosen|choice|choos|rule|selects?|dense|window|k ?[-−+] ?1|borrow|guess|group",
    "other-weights": r"(of|from) (layer|the layer|expert)|other (layer|expert|weights|gain|matrix)|tied|embedding|weights|gain|scale",
    "other-input": r"input|raw|before its norm|un-?normed|instead of|other tensor|own|residual",
    "op-missing": r"without|missing|skip|left out|not (normed|rotated|applied)|lack|no (norm|rotation|gain|scale)|is absent",
    "op-twice": r"twice|again|two times",
    "op-order": r"order|before|after",
    "op-extra": r"extra|too much|also|one more|goes? through|normed|applied",
    "other-op": r"instead|another|other (norm|activation|op)|relu|gelu|silu|softmax|norm|activation|tanh|absolute|sine",
    "precision": r"precision|bf16|bfloat|f16|fp8|e4m3|e5m2|int8|int4|bits|round|coarse|quanti",
    "saturation": r"clamp|saturat|cut at|limit|capped",
    "eps": r"\beps",
    "other-constant": r"constant|base|theta|\beps|denominator|scale|factor|frequenc",
}

# Words that are right for one mistake besides those of its kind, since it can be said in two ways.
BY_MISTAKE = {
    "S03": "embedding of (position|slot) 0|zero",
    "S05": r"norm|factor",  # a norm too much is a factor for each row
    "S15": "cut",
    "S19": "gain|term|added|factor for each channel",
    "S20": "gain|factor for each channel",
    "S22": r"sum of squares|norm",
    "S23": "gain|factor for each channel|ffn_norm|attn_norm",
    "S24": "result_norm|norm|factor",
    "S28": "half|halves|group",
    "S33": "tanh|saturat",
    "S35": "channels|tokens|zero",
    "S36": "log|softmax|constant",
    "S38": "norm",
    "A02": "scale|softmax",
    "A05": "base 2|softmax",
    "A08": "tanh|cap|saturat",
    "A09": "heads",
    "A10": "heads|channel",
    "A19": "head 1|heads?",
    "A24": "window|last",
    "A28": "mask|not chosen",
    "A29": "head 0|heads?",
    "A33": "head 1|heads?",
    "A34": "factor|2",
    "A37": "small|dropp|threshold",
    "T05": "position|half|angle",
    "T09": "rotat|sine|cosine|angle|phase",
    "T11": "rotat",
    "T13": "rotat",
    "T19": "yarn|frequenc|angle|rotat",
    "T21": "rotat",
    "T23": "position|row",
    "I09": "relu",
    "I14": "rotat|norm",
    "I23": "own position|position",
    "I34": "factor",
    "R01": "softmax|sigmoid|affinit",
    "R04": "bias|sigmoid",
    "R05": "order|swap|sort",
    "R17": "router|round",
    "R20": "gelu",
    "R21": "relu",
    "R27": "capacity|dropp|row",
    "R31": "clamp|activation",
    "R35": "half|channel",
    "R36": "up",
    "W05": "fp8|block|scale",
    "W06": "fp8|block|scale",
    "W07": "fp8|block|scale",
    "W10": "zero|head|channel|rows",
    "W12": "sign|factor|-1|negat",
    "D05": "half|embedding",
    "D18": "factor|half|0.5",
}


def is_right(entry, text):
    """Whether a sentence explains a frozen mistake."""
    words = [BY_RELATION[entry["relation"]], BY_MISTAKE.get(entry["id"])]
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in words if pattern)
