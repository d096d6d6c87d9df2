"""Tables of what the kit said."""

import json
from collections import Counter, defaultdict

from frozen import HERE
from truth import is_right


def tell_right(answers):
    """How many right engines were accused, and where."""
    accused = defaultdict(list)
    for answer in answers:
        accused[answer["id"], answer["replay"]].append(answer)
    print(f"{len(answers)} runs of right engines, {sum(a['status'] == 'wrong' for a in answers)} accused")
    for (name, replay), some in accused.items():
        wrong = [
            f"{a['case']} at {a['firstOff']}; right as {', '.join(a['rightAs']) or 'no class'}"
            for a in some
            if a["status"] == "wrong"
        ]
        classes = Counter(a["engineClass"] for a in some)
        print(f"{name}{', --replay' if replay else ''}: {len(wrong)} of {len(some)} accused; judged as {dict(classes)}")
        for line in wrong:
            print(f"    {line}")
    return 0


def explanation_of(answer):
    """What explains a dump; None where nothing does."""
    explanation = answer.get("explanation")
    return None if explanation is None or explanation["relation"] == "none" else explanation


def verdict_on(entry, answer):
    """`right`, `wrong` or `none`: what the kit's explanation is worth."""
    explanation = explanation_of(answer)
    if explanation is None:
        return "none"
    return "right" if is_right(entry, explanation) else "wrong"


def tell_mistakes(answers):
    """By kind of dump: caught, at which stage, and explained; then what was not."""
    frozen = {entry["id"]: entry for entry in json.loads((HERE / "frozen.json").read_text())["mistakes"]}
    for kind in dict.fromkeys(answer["kind"] for answer in answers):
        some = [answer for answer in answers if answer["kind"] == kind]
        caught = [a for a in some if a["status"] == "wrong"]
        first = [a for a in caught if kind != "all" or a["firstOff"] == frozen[a["id"]]["stage"]]
        worth = {a["id"]: verdict_on(frozen[a["id"]], a) for a in caught}
        counts = Counter(worth.values())
        stage = f", {len(first)} at the right stage" if kind == "all" else ""
        told = ", ".join(f"{counts[word]} {text}" for word, text in WORDS.items())
        print(f"{kind}: {len(caught)} of {len(some)} caught{stage}; {told}")
        for a in some:
            entry = frozen[a["id"]]
            if a not in first:
                print(f"    {a['id']} begins at {entry['stage']}, said {a['status']} {a.get('firstOff')}")
            elif worth.get(a["id"]) != "right":
                said = a.get("explanation", {}).get("sentence")
                print(f"    {worth[a['id']]}: {a['id']} {entry['stage']} {entry['sentence']} -> {said}")
    return 0


WORDS = {"right": "explained rightly", "wrong": "explained wrongly", "none": "not explained"}
