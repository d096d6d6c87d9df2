"""Draws the recall of evaluation.json as a picture: row length against the distance of the fact.

    python tools/train/recall_grid.py demo-model/evaluation.json demo-model/recall.svg
"""

import json
import sys

CELL, LEFT, TOP = 84, 190, 62
TEXT = 'font-family="sans-serif" font-size="13" fill="#777"'


def colour(share: float) -> str:
    """From sand (0) to deep blue (1)."""
    a, b = (233, 205, 160), (30, 90, 160)
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in zip(a, b))


def main() -> None:
    source, out = sys.argv[1:]
    with open(source) as f:
        recall = json.load(f)["recall"]
    lengths = list(recall)
    modes = [("indexer", "the indexer's 64 rows"), ("dense", "all rows")]
    far = [d for d in recall[lengths[-1]]["by_distance"]["indexer"]]
    parts, y = [], TOP
    for mode, title in modes:
        parts.append(f'<text x="12" y="{y - 30}" {TEXT} font-weight="bold">{title}: share of exact answers</text>')
        for c, d in enumerate(far):
            parts.append(f'<text x="{LEFT + c * CELL + CELL / 2}" y="{y - 8}" text-anchor="middle" {TEXT}>to {int(d):,}</text>')
        for n in lengths:
            parts.append(f'<text x="{LEFT - 12}" y="{y + 25}" text-anchor="end" {TEXT}>row of {int(n):,} tokens</text>')
            for c, d in enumerate(far):
                share = recall[n]["by_distance"][mode].get(d)
                if share is None:
                    continue
                x = LEFT + c * CELL
                ink = "#fff" if share > 0.5 else "#222"
                parts.append(f'<rect x="{x}" y="{y}" width="{CELL - 4}" height="36" rx="4" fill="{colour(share)}"/>')
                parts.append(
                    f'<text x="{x + CELL / 2 - 2}" y="{y + 23}" text-anchor="middle" font-family="sans-serif" '
                    f'font-size="13" fill="{ink}">{100 * share:.0f} %</text>'
                )
            y += 40
        y += 70
    width, height = LEFT + len(far) * CELL + 12, y - 40
    label = "tokens between a fact and its question"
    parts.append(f'<text x="{LEFT}" y="{height - 12}" {TEXT}>columns: {label}</text>')
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    with open(out, "w") as f:
        f.write("\n".join([svg, *parts, "</svg>", ""]))


if __name__ == "__main__":
    main()
