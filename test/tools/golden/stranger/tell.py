"""Tables of what the kit said."""

import json
from collections import Counter, defaultdict

from frozen import HERE


def tell_right(answers):
    """How many right engines were accused, and where."""
    accused = defaultdict(list)
    for answer in answers:
        accused[answer["id"], answer["replay"]].append(answer)
    print(f"{len(answers)} runs of right engines, {sum(a['status'] == 'wrong' for a in answers)} accused")
    for (name, replay), some in accused.items():
        wrong = [f"{a['case']} at {a['firstOff']}" for a in some if a["status"] == "wrong"]
        classes = Counter(a["engineClass"] for a in some)
        print(f"{name}{', --replay' if replay else ''}: {len(wrong)} of {len(some)} accused; judged as {dict(classes)}")
        for line in wrong:
            print(f"    {line}")
    return 0


def tell_mistakes(answers):
    frozen = {entry["id"]: entry for entry in json.loads((HERE / "frozen.json").read_text())["mistakes"]}
    for kind in dict.fromkeys(answer["kind"] for answer in answers):
        some = [answer for answer in answers if answer["kind"] == kind]
        caught = [a for a in some if a["status"] == "wrong"]
        first = [a for a in caught if kind != "all" or a["firstOff"] == frozen[a["id"]]["stage"]]
        print(f"{kind}: {len(caught)} of {len(some)} caught, {len(first)} at the right stage")
        for a in some:
            if a not in first:
                print(f"    {a['id']} begins at {frozen[a['id']]['stage']}, said {a['status']} {a.get('firstOff')}")
    return 0
