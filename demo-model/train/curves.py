"""Draws held-out loss against tokens seen, for the sparse model and its dense twin.

    python demo-model/train/curves.py demo-model/training-log.jsonl demo-model/dense-log.jsonl demo-model/curves.svg
"""

import json
import sys
from pathlib import Path

LEFT, TOP, WIDTH, HEIGHT = 60, 30, 620, 300
LOW, HIGH, TOKENS = 1.7, 3.7, 30e6
TEXT = 'font-family="sans-serif" font-size="13" fill="#777"'


def x(tokens: float) -> float:
    return round(LEFT + WIDTH * tokens / TOKENS, 1)


def y(loss: float) -> float:
    return round(TOP + HEIGHT * (HIGH - loss) / (HIGH - LOW), 1)


def points(log: Path, modes: tuple[str, ...]) -> list[tuple[int, float]]:
    """(tokens, nats per token) of the evaluations before stage D, in the first mode that was measured."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    lines = [line for line in lines if line["kind"] in ("eval", "final") and line.get("stage") != "D"]
    return [(n["tokens"], next(n["valid"][f"{m}_token"] for m in modes if f"{m}_token" in n["valid"])) for n in lines]


def curve(at: list[tuple[int, float]], colour: str, dash: str = "") -> str:
    line = " ".join(f"{x(t)},{y(v)}" for t, v in at)
    return f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5" {dash}/>'


def main() -> None:
    sparse_log, dense_log, out = map(Path, sys.argv[1:])
    stages = [json.loads(line) for line in sparse_log.read_text().splitlines()]
    b, c = (next(n["tokens"] for n in stages if n["kind"] == "stage" and n["stage"] == s) for s in "BC")
    # Indexers choose at random before they are trained, so the sparse model attends to all rows until C.
    sparse = points(sparse_log, ("dense",))
    sparse = [p for p in sparse if p[0] < c] + [p for p in points(sparse_log, ("sparse", "dense")) if p[0] >= c]
    dense = points(dense_log, ("dense",))
    parts = [f'<rect x="{x(b)}" y="{TOP}" width="{x(c) - x(b)}" height="{HEIGHT}" fill="#888" opacity="0.2"/>']
    parts.append(f'<text x="{x(b) - 6}" y="{TOP + 16}" text-anchor="end" {TEXT}>indexers alone</text>')
    for loss in (2.0, 2.5, 3.0, 3.5):
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y(loss)}" y2="{y(loss)}" stroke="#888" opacity="0.3"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(loss) + 4}" text-anchor="end" {TEXT}>{loss}</text>')
    for millions in range(0, 31, 5):
        parts.append(f'<text x="{x(millions * 1e6)}" y="{TOP + HEIGHT + 18}" text-anchor="middle" {TEXT}>{millions} M</text>')
    parts.append(f'<text x="{LEFT}" y="18" {TEXT}>held-out loss, nats per token, against tokens seen</text>')
    parts += [curve(sparse, "#1e5aa0"), curve(dense, "#d07020", 'stroke-dasharray="6 5"')]
    for row, (name, colour, at) in enumerate((("sparse (as shipped)", "#1e5aa0", sparse), ("dense twin", "#d07020", dense))):
        text = f'font-family="sans-serif" font-size="13" fill="{colour}"'
        parts.append(f'<text x="{x(13.5e6)}" y="{y(3.1) + 20 * row}" {text}>{name}: {at[-1][1]:.4f} at the end</text>')
    size = (LEFT + WIDTH + 20, TOP + HEIGHT + 30)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" height="{size[1]}">'
    out.write_text("\n".join([svg, *parts, "</svg>", ""]))


if __name__ == "__main__":
    main()
