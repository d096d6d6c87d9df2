"""Measures what the finished model can do, on held-out text, with the published weights.

    python demo-model/train/evaluate.py --work FOLDER demo-model --out demo-model/evaluation.json

  loss     nats per token of stories, by row length and by who is chosen: all rows (dense), the indexer's
           top k, the most recent k, a random k
  recall   share of exact answers to the questions of recall.py, by row length and by who is chosen, and by
           the distance between question and fact; `needle`: how often the fact's word is among the rows that
           the indexer of a layer chose at the answering step
  grid     the same for one fact in each eighth of the row and all questions at its end: by row length and
           depth; `needle` at the layers of NEEDLES
  load     per layer, the least and the most used expert's share of the mean, on held-out stories
  shared   per layer, the attention that falls on the rows chosen for it, over what falls on its own best k
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

import export
from long_context import crowd
from model import NEG, Attention, Model, Shape, cross_entropy
from recall import Recall
from train import SEED

DISTANCES = (256, 512, 1024, 2048, 4096)
DEPTHS = 8
NEEDLES = (6,)  # the layers whose indexer looks for the answer


def recent(score):
    place = torch.arange(score.shape[-1], dtype=torch.float).expand_as(score)
    return place.masked_fill(score == NEG, NEG)


def random_rows(score):
    return torch.rand(score.shape, generator=DICE).masked_fill(score == NEG, NEG)


DICE = torch.Generator().manual_seed(SEED)
RULES = {
    "dense": ("dense", lambda score: score),
    "indexer": ("sparse", lambda score: score),
    "recent": ("sparse", recent),
    "random": ("sparse", random_rows),
}


def story_loss(model: Model, ids: np.ndarray, length: int, rows: int) -> dict[str, float]:
    out = {}
    count = min(rows, (len(ids) - 1) // length)
    for name, (mode, rule) in RULES.items():
        Attention.ranking = staticmethod(rule)
        nll = 0.0
        for i in range(count):
            x = torch.from_numpy(ids[i * length : (i + 1) * length + 1])[None]
            nll += cross_entropy(model, model(x[:, :-1], mode)[0], x[:, 1:]).item()
        out[name] = round(nll / count, 4)
    return out


def recall(model: Model, tokenizer: Tokenizer, ids: np.ndarray, length: int, questions: int) -> dict:
    out: dict = {"questions": 0, "exact": {}, "by_distance": {}, "needle": {}}
    for name, (mode, rule) in RULES.items():
        Attention.ranking = staticmethod(rule)
        maker = Recall(tokenizer, ids, 2000 + length)
        right, far, needle, asked = 0, {}, {}, 0
        while asked < questions:
            row = maker.row(length, *crowd(length), fact_zone=0.5)
            h, _, trace = model(torch.from_numpy(row.ids.astype(np.int64))[None], mode)
            best = model.lm_head(h[0, row.answers - 1]).argmax(-1).numpy()
            hit = best == row.ids[row.answers]
            asked, right = asked + len(hit), right + int(hit.sum())
            for ok, distance in zip(hit, row.answers - row.facts):
                far.setdefault(next(d for d in DISTANCES if distance <= d), []).append(bool(ok))
            if name == "indexer":
                for layer, chosen in trace.chosen.items():
                    seen = (chosen[0, row.answers - 1] == torch.from_numpy(row.facts)[:, None]).any(-1)
                    needle.setdefault(layer, []).extend(seen.tolist())
        out["questions"] = asked
        out["exact"][name] = round(right / asked, 4)
        if name in ("dense", "indexer"):
            out["by_distance"][name] = {d: round(float(np.mean(far[d])), 4) for d in sorted(far)}
        if name == "indexer":
            out["needle"] = {k: round(float(np.mean(v)), 4) for k, v in needle.items()}
    return out


def grid(model: Model, tokenizer: Tokenizer, ids: np.ndarray, length: int, rows: int) -> dict:
    """Shares of right answers by depth of the fact, from the beginning of the row to its end."""
    out: dict = {"rows": rows, "needle": {}}
    for name in ("dense", "indexer"):
        mode, rule = RULES[name]
        Attention.ranking = staticmethod(rule)
        maker = Recall(tokenizer, ids, 3000 + length)
        hits, needles = np.zeros((rows, DEPTHS)), {layer: np.zeros((rows, DEPTHS)) for layer in NEEDLES}
        for r in range(rows):
            row = maker.depths(length, DEPTHS)
            h, _, trace = model(torch.from_numpy(row.ids.astype(np.int64))[None], mode)
            depth = np.argsort(np.argsort(row.facts))  # the depth of the fact for each question
            best = model.lm_head(h[0, row.answers - 1]).argmax(-1).numpy()
            hits[r, depth] = best == row.ids[row.answers]
            for layer in NEEDLES if name == "indexer" else ():
                chosen = trace.chosen[layer][0, row.answers - 1]
                needles[layer][r, depth] = (chosen == torch.from_numpy(row.facts)[:, None]).any(-1)
        out[name] = [round(v, 4) for v in hits.mean(0).tolist()]
    out["needle"] = {layer: [round(v, 4) for v in n.mean(0).tolist()] for layer, n in needles.items()}
    return out


def routers(model: Model, ids: np.ndarray) -> dict[str, list[float]]:
    Attention.ranking = staticmethod(lambda score: score)
    total = None
    for i in range(16):
        x = torch.from_numpy(ids[i * 1024 : (i + 1) * 1024 + 1])[None]
        load = torch.stack(model(x[:, :-1], "sparse", x[:, 1:])[2].load)
        total = load if total is None else total + load
    share = total / total.mean(1, keepdim=True)
    return {"least": [round(v, 3) for v in share.amin(1).tolist()], "most": [round(v, 3) for v in share.amax(1).tolist()]}


def shared_mass(model: Model, ids: np.ndarray, length: int, rows: int) -> dict[int, float]:
    s = model.s
    got: dict[int, list[float]] = {}
    for i in range(rows):
        x = torch.from_numpy(ids[i * length : (i + 1) * length])[None]
        trace = model(x, "warm")[2]
        late = slice(length // 2, None)
        for owner, served in s.groups().items():
            for layer in served:
                if owner not in trace.chosen or layer not in trace.attn:
                    continue
                p = trace.attn[layer][:, late]
                caught = p.gather(-1, trace.chosen[owner][:, late]).sum(-1)
                best = p.topk(s.topk, -1).values.sum(-1)
                got.setdefault(layer, []).append((caught / best).mean().item())
    return {layer: round(float(np.mean(v)), 4) for layer, v in sorted(got.items())}


@torch.no_grad()
def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", type=Path)
    p.add_argument("--work", type=Path, required=True, help="folder with the encoded held-out stories")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--lengths", type=int, nargs="+", default=[512, 1024, 2048, 4096])
    p.add_argument("--tokens", type=int, default=16384, help="story tokens per length")
    p.add_argument("--questions", type=int, default=200, help="per length and rule")
    p.add_argument("--grid-rows", type=int, default=16, help="rows of the grid per length")
    args = p.parse_args()
    model = Model(Shape(), SEED).eval()
    export.read_weights(model, args.model / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    ids = np.load(args.work / "data" / "valid.npz")["ids"].astype(np.int64)
    result: dict = {"loss": {}, "recall": {}, "grid": {}}
    for n in args.lengths:
        result["loss"][n] = story_loss(model, ids, n, args.tokens // n)
        result["recall"][n] = recall(model, tokenizer, ids, n, args.questions)
        result["grid"][n] = grid(model, tokenizer, ids, n, args.grid_rows)
        print(n, json.dumps({"loss": result["loss"][n], **result["recall"][n], "grid": result["grid"][n]}), flush=True)
    result["load"] = routers(model, ids)
    result["shared"] = shared_mass(model, ids, 1024, 8)
    args.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({"load": result["load"], "shared": result["shared"]}))


if __name__ == "__main__":
    main()
