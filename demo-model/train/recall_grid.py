"""Draws the grid of evaluation.json as a picture: row length against the depth of the fact.

    python demo-model/train/recall_grid.py demo-model/evaluation.json demo-model/recall.svg
"""

import json
import sys

CELL, LEFT, TOP = 66, 170, 84
TEXT = 'font-family="sans-serif" font-size="13" fill="#777"'


def colour(share: float) -> str:
    """A colour from sand (0) to deep blue (1)."""
    a, b = (233, 205, 160), (30, 90, 160)
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in zip(a, b))


def panel(title: str, rows: dict[str, list[float]], top: int) -> list[str]:
    parts = [f'<text x="12" y="{top - 34}" {TEXT} font-weight="bold">{title}</text>']
    depths = len(next(iter(rows.values())))
    for c in range(depths):
        x, percent = LEFT + c * CELL + CELL / 2 - 2, 100 * (c + 0.5) / depths
        parts.append(f'<text x="{x}" y="{top - 8}" text-anchor="middle" {TEXT}>{percent:.0f} %</text>')
    for r, (length, shares) in enumerate(rows.items()):
        y = top + 40 * r
        parts.append(f'<text x="{LEFT - 12}" y="{y + 23}" text-anchor="end" {TEXT}>row of {int(length):,} tokens</text>')
        for c, share in enumerate(shares):
            x, ink = LEFT + c * CELL, "#fff" if share > 0.5 else "#222"
            parts.append(f'<rect x="{x}" y="{y}" width="{CELL - 4}" height="36" rx="4" fill="{colour(share)}"/>')
            parts.append(
                f'<text x="{x + CELL / 2 - 2}" y="{y + 23}" text-anchor="middle" font-family="sans-serif" '
                f'font-size="13" fill="{ink}">{100 * share:.0f}</text>'
            )
    return parts


def main() -> None:
    source, out = sys.argv[1:]
    with open(source) as f:
        grid = json.load(f)["grid"]
    panels = {
        "exact answers in %, the indexer's 64 rows": {n: g["indexer"] for n, g in grid.items()},
        "exact answers in %, all rows": {n: g["dense"] for n, g in grid.items()},
        "row of the answer among the 64 of layer 6, in %": {n: g["needle"]["6"] for n, g in grid.items()},
    }
    parts, y = [], TOP - 26
    for title, rows in panels.items():
        parts += panel(title, rows, y)
        y += 40 * len(rows) + 66
    width, height = LEFT + 8 * CELL + 12, y - 30
    parts.append(f'<text x="{LEFT}" y="{height - 12}" {TEXT}>columns: where the fact stands in the row; the questions stand at its end</text>')
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    with open(out, "w") as f:
        f.write("\n".join([svg, *parts, "</svg>", ""]))


if __name__ == "__main__":
    main()
