"""Which explanations are right, by what kind of difference a mistake makes.

Written after the list was frozen. The kit gives each explanation a word for its kind of relation; the table
tells which of them can be right for which kind of mistake. What the table takes for right was then read
one by one, and what is wrong all the same is listed by a word of its sentence.
"""

import re

RELATIONS = {
    "factor": "factor op term",
    "factor-by-position": "factor op",
    "factor-by-channel": "factor op",
    "term-factor": "term factor",
    "term-twice": "term factor",
    "term-missing": "term op block input",
    "term-extra": "term op",
    "sign": "factor op choice term",
    "shift": "shift order op choice input weights",
    "permutation": "order op weights",
    "cut": "block op factor choice",
    "mask": "choice op",
    "choice": "choice input op",
    "other-weights": "weights input factor order",
    "other-input": "input op order",
    "op-missing": "op factor choice",
    "op-twice": "op factor",
    "op-order": "op order",
    "op-extra": "op factor term",
    "other-op": "op choice factor",
    "precision": "precision op",
    "saturation": "op factor",
    "eps": "op",
    "other-constant": "op factor choice",
}

READ_AS_WRONG = {
    "S36": "has .* added",  # each row has a constant of its own
    "R16": "equal scores",  # there are none
    "A31": "best expert",
    "R13": "layernorm",
    "G20-filled": "tanh",
}
READ_AS_RIGHT = {
    "T09": "other way round",  # the same function, where rotated queries and keys are not in the dump
    "G01-nope": "leaves the rope width out",  # the same number by another number of the atlas
    "D6-after_its_own": "one row after its own",
}


def is_right(entry, explanation):
    """Whether an explanation is that of a frozen mistake."""
    name, said = entry["id"], explanation["sentence"]
    for words, verdict in ((READ_AS_WRONG, False), (READ_AS_RIGHT, True)):
        if any(name.startswith(key) and re.search(word, said) for key, word in words.items()):
            return verdict
    bug = explanation.get("bug")
    if entry["list"] == "atlas" and bug is not None:
        return name.startswith(f"{bug}-")
    return explanation["relation"] in RELATIONS[entry["relation"]].split()
