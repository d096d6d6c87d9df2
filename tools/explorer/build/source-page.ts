/**
 * The annotated source: the whole of engine/model and engine/ops/reference beside what their comments say,
 * with the numbers of one real token, in the order in which one reads them.
 *
 * Next: doc-text.ts
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe } from "../../../engine/index.ts";
import { STAGE_NOTES, type TourStage } from "../../docs/stage-notes.ts";
import { TOUR_TEXT } from "../../docs/tour.ts";
import { type Seen, type Watched, watchLast } from "../../docs/watch.ts";
import { escaped } from "../../library/escape.ts";
import type { Glm } from "../../library/index.ts";
import { docHtml } from "./doc-text.ts";
import type { Highlighter, Parts } from "./highlight.ts";
import { namesOf, stageIn } from "./source-cuts.ts";

/** The reading order. Every file of both folders is in it; the build says so if one is not. */
const ORDER: Readonly<Record<string, readonly string[]>> = {
  "engine/model": "model step layer attention indexer mlp moe mtp weights".split(" "),
  "engine/ops/reference":
    "index embed linear per-head rms-norm layer-norm rope-interleaved index-scores top-k latent-attention route experts silu-mul add wiring int8-rows memory".split(
      " ",
    ),
};

/** Operations that make a stage by themselves. */
const STAGES_OF: Readonly<Record<string, readonly TourStage[]>> = {
  "embed.ts": ["inp_embd"],
  "rms-norm.ts": ["attn_norm"],
  "rope-interleaved.ts": ["q_pe"],
  "index-scores.ts": ["indexer_score"],
  "top-k.ts": ["top_k"],
  "route.ts": ["ffn_moe_topk", "ffn_moe_weights"],
  "experts.ts": ["ffn_moe_out"],
  "per-head.ts": ["q_nope_absorbed"],
  "linear.ts": ["result_output"],
};

/** How many numbers of a stage are shown, and how many beside the line that makes it. */
const [N_SHOWN, N_MARGIN] = [6, 2];

/** The files in reading order. @throws when one is not in the order, or gone */
export function filesInOrder(root: string): string[] {
  return Object.entries(ORDER).flatMap(([folder, names]) => {
    const files = names.map((name) => `${name}.ts`);
    const there = readdirSync(join(root, folder)).filter((file) => file.endsWith(".ts"));
    const odd = [...there, ...files].filter((f) => !(there.includes(f) && files.includes(f)));
    if (odd.length > 0) throw new Error(`${folder}: expected a place for ${odd.join(", ")}`);
    return files.map((file) => `${folder}/${file}`);
  });
}

/** The page as HTML. */
export function sourcePage(root: string, glm: Glm, highlight: Highlighter): string {
  const ids = glm.promptIds(TOUR_TEXT);
  const seen = watchLast(glm.model, ids);
  const files = filesInOrder(root);
  const token = glm.decode(ids.slice(-1));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'self'; img-src 'self' data:">
<title>The annotated source of the model</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="source.css">
<header>
<p><a href="index.html">The explorer</a></p>
<h1>The whole model, line by line</h1>
<p>On the left stands what the source says about itself, on the right the lines that run. The numbers are those
of one real token: <code>${escaped(token)}</code>, the last of ${ids.length}, in ${escaped(glm.source.name)}, computed when
this page was built (${escaped(glm.arithmetic)}).</p>
<p class="story">${escaped(TOUR_TEXT)}</p>
</header>
<nav aria-label="Files"><ol>
${files.map((file) => `<li><a href="#${anchorOf(file)}">${escaped(file)}</a></li>`).join("\n")}
</ol></nav>
<main>
${files.map((file) => section(root, file, seen, highlight)).join("\n")}
</main>
</html>
`;
}

const anchorOf = (file: string): string => file.replace(/^engine\//, "").replace(/\W/g, "-");

function section(root: string, file: string, seen: Watched, highlight: Highlighter): string {
  const text = readFileSync(join(root, file), "utf8");
  const coloured = highlight(text);
  const name = file.slice(file.lastIndexOf("/") + 1);
  const rows = partsOf(file, text).map(({ docs, from, to, names }) => {
    const lines = text.split("\n").slice(from, to);
    const stages = lines.flatMap((line) => (stageIn(line) as TourStage | undefined) ?? []);
    const isMain = names.some((each) => each.toLowerCase() === name.slice(0, -3).replace(/-/g, ""));
    const known = isMain ? [...stages, ...(STAGES_OF[name] ?? [])] : stages;
    const left = [...docs.map(docHtml), ...known.map((stage) => stageHtml(stage, seen))];
    const code = coloured.slice(from, to).map((parts, i) => {
      const stage = stageIn(lines[i]) as TourStage | undefined;
      const value = stage && shown(stage, seen);
      const margin = value ? `<b class="v"> = ${escaped(numbersOf(value, N_MARGIN))}</b>` : "";
      return lineHtml(from + i + 1, parts) + margin;
    });
    return `<div class="row"><div class="why">${left.join("\n")}</div>
<pre class="code" tabindex="0" aria-label="${escaped(file)}, lines ${from + 1} to ${to}">${code.join("\n")}</pre></div>`;
  });
  return `<section id="${anchorOf(file)}"><h2>${escaped(file)}</h2>
${rows.join("\n")}</section>`;
}

/** A part of a file: its comments, and its lines, counted from 0. */
export interface FilePart {
  readonly docs: readonly string[];
  readonly from: number;
  readonly to: number;
  readonly names: readonly string[];
}

/** Cuts a file into its statements. Every line that is no documentation and not empty is in one part. */
export function partsOf(file: string, text: string): FilePart[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lineAt = (at: number): number => source.getLineAndCharacterOfPosition(at).line;
  const parts: FilePart[] = [];
  let imports: FilePart | undefined;
  for (const node of source.statements) {
    const comments = ts.getLeadingCommentRanges(text, node.getFullStart()) ?? [];
    const docs = comments.map(({ pos, end }) => text.slice(pos, end));
    const isDoc = docs.map((doc) => doc.startsWith("/**"));
    const plain = comments.find((_, i) => !isDoc[i]);
    const part = {
      docs: docs.filter((_, i) => isDoc[i]),
      from: lineAt(plain?.pos ?? node.getStart(source)),
      to: lineAt(node.getEnd()) + 1,
      names: namesOf(node),
    };
    // All imports are one part.
    if (ts.isImportDeclaration(node) && imports) {
      imports = { ...imports, docs: [...imports.docs, ...part.docs], to: part.to };
      parts[parts.length - 1] = imports;
      continue;
    }
    imports = ts.isImportDeclaration(node) ? part : undefined;
    parts.push(part);
  }
  return parts;
}

function lineHtml(number: number, parts: Parts): string {
  const code = parts
    .map(([name, text]) => (name ? `<i class="${name}">${escaped(text)}</i>` : escaped(text)))
    .join("");
  return `<span class="n">${number}</span>${code}`;
}

/** The value of a stage in the first layer that has it; undefined for a stage of the draft layer. */
function shown(stage: TourStage, { model, layers }: Watched): Seen | undefined {
  return (layers.find((layer) => layer.has(stage)) ?? model).get(stage);
}

/** What a stage is, and its numbers. */
function stageHtml(stage: TourStage, seen: Watched): string {
  const value = shown(stage, seen);
  if (!value) return "";
  const layer = seen.layers.findIndex((each) => each.has(stage));
  const name = layer < 0 ? stage : `${stage}-${layer}`;
  return `<div class="stage"><h3>${escaped(name)}</h3><p>${escaped(STAGE_NOTES[stage])}</p>
<p class="value"><code>${escaped(describe(value))}</code> ${escaped(numbersOf(value, N_SHOWN))}</p></div>`;
}

function numbersOf({ data }: Seen, n: number): string {
  const first = data.slice(0, n).map((x) => (Number.isInteger(x) ? x : x.toPrecision(4)));
  return first.join(", ") + (data.length > n ? ", …" : "");
}
