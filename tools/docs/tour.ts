/**
 * The guided tour: one token of a model, with its real numbers at each stage, as Markdown.
 *
 * docs/tour.md is this text for the demo model. A test makes it again and compares.
 * @module
 */
import { describe, distribution, LAYER_STAGES, topIds } from "../../engine/index.ts";
import type { Glm } from "../library/index.ts";
import type { FindLines } from "./source-lines.ts";
import { STAGE_NOTES, type TourStage } from "./stage-notes.ts";
import { type Seen, type SeenLayer, type Watched, watchLast } from "./watch.ts";

/** The text of the tour. The girl's name is asked for 70 tokens after it was said. */
export const TOUR_TEXT: string =
  "Once upon a time, there was a little girl named Amy. She was a very happy girl. " +
  "One day, she went to the park to play. At the park, there was a big slide. " +
  'A boy named Tom came and said, "Do you want to play with me?" She said yes. ' +
  "They played on the slide all day and had a lot of fun. They were very happy. Tom and";

/** How many numbers of a row the tour prints. */
const N_SHOWN = 5;

/** How many of the likeliest next tokens the tour prints. */
const N_LIKELIEST = 8;

/** Stages of the experts: a dense layer has none of them. */
const isExpertStage = (stage: string): boolean => /^ffn_(moe|shexp)/.test(stage);

/** The text of the tour. What a stage is, and how it is computed, stands at its first visit. */
export function tour(glm: Glm, text: string, findLines: FindLines): string {
  const ids = glm.promptIds(text);
  const pieces = ids.map((id) => glm.decode([id]));
  const seen = watchLast(glm.model, ids);
  const told = new Set<TourStage>();
  const section = (layer: SeenLayer, stages: readonly TourStage[]) =>
    stages
      .map((stage) => {
        const value = valueText(stage, shownBy(layer, stage));
        if (told.has(stage)) return value;
        told.add(stage);
        return `${value}\n${noteText(stage, findLines)}`;
      })
      .join("\n");
  const { dense, sparse, shared } = visited(seen);
  const layer = (l: number) => seen.layers[l];
  return [
    opening(glm, text, pieces),
    `## The token becomes a vector\n\n${section(seen.model, ["inp_embd"])}`,
    `## Layer ${dense}: full and dense\n`,
    "A full layer ranks the positions itself, and a dense layer has one feed-forward block for all tokens.\n",
    section(layer(dense), stagesOf(layer(dense))),
    choiceText(pieces, shownBy(layer(dense), "top_k")),
    `## Layer ${sparse}: full and sparse\n`,
    "Its attention block has the same stages as before. A sparse layer has a router and many small experts instead of one feed-forward block.\n",
    section(layer(sparse), stagesOf(layer(sparse)).filter(isFeedForward)),
    `## Layer ${shared}: shared\n`,
    sharedText(seen, shared),
    section(layer(shared), ["top_k", "q_pe", "attn_out", "l_out"]),
    `## Through all layers\n\n${streamText(seen)}`,
    `## The vector becomes a token\n\n${section(seen.model, ["result_norm", "result_output"])}`,
    likeliestText(glm, shownBy(seen.model, "result_output")),
  ].join("\n");
}

/** A full dense layer, a full sparse one after it, and the first shared one. */
function visited({ layers }: Watched): Record<"dense" | "sparse" | "shared", number> {
  const isFull = (layer: SeenLayer) => layer.has("indexer_score");
  const isSparse = (layer: SeenLayer) => layer.has("ffn_moe_topk");
  return {
    dense: layers.findIndex((layer) => isFull(layer) && !isSparse(layer)),
    sparse: layers.findIndex((layer) => isFull(layer) && isSparse(layer)),
    shared: layers.findIndex((layer) => !isFull(layer)),
  };
}

function opening(glm: Glm, text: string, pieces: readonly string[]): string {
  const nT = pieces.length;
  const command = "npm run docs:tour";
  return `# A guided tour: one token through the model

<!-- Written by \`${command}\` from tools/docs. Do not edit it by hand: a test compares. -->

This page follows one token through ${glm.source.name}, the model that comes with the package. All
numbers are what the engine computed (backend \`reference\`, f32). Each stage has its name, its shape
with the names of the axes, its first numbers, what it is, and the lines of the model that compute it.
[Understanding GLM-5.2](understand.md) tells why the model is made so. The legend of the axes is in
[engine/README.md](../engine/README.md#axis-names), the equations are in
[MODEL.md](../MODEL.md#4-the-forward-pass). \`glm52 trace\` writes the same stages to a file, for any
model and text.

## The text becomes tokens

> ${text}

The [tokenizer](../tokenizer/README.md) makes ${nT} tokens of it, the first of which only says that a text begins.
Here they are, each between two bars:

\`\`\`
${wrapped(pieces.map((piece) => `${piece}|`))}
\`\`\`

The model has read the first ${nT - 1} tokens, and its caches hold ${nT - 1} rows in each layer. Now it
runs the last one, \`${pieces[nT - 1]}\`, at position ${nT - 1}. What comes next?
`;
}

function valueText(stage: TourStage, value: Seen): string {
  return `### ${stage}\n\n\`${describe(value)}\` = ${firstNumbers(value)}\n`;
}

function noteText(stage: TourStage, findLines: FindLines): string {
  const { file, lines } = findLines(stage);
  return `${STAGE_NOTES[stage]} [${file}](../engine/model/${file}):

\`\`\`ts
${lines.join("\n")}
\`\`\`
`;
}

/** The first numbers of a value. */
function firstNumbers({ data }: Seen): string {
  const shown = data.slice(0, N_SHOWN).map(numberText).join(", ");
  return data.length > N_SHOWN ? `${shown}, …` : shown;
}

function numberText(x: number): string {
  return Number.isInteger(x) ? String(x) : x.toPrecision(4);
}

function stagesOf(layer: SeenLayer): TourStage[] {
  return LAYER_STAGES.filter((stage) => layer.has(stage));
}

function isFeedForward(stage: TourStage): boolean {
  return isExpertStage(stage) || ["ffn_norm", "ffn_out", "l_out"].includes(stage);
}

/** The text with what the attention does not read left out. */
function choiceText(pieces: readonly string[], topK: Seen): string {
  const chosen = new Set(topK.data);
  const shown = pieces.map((piece, s) => (chosen.has(s) ? piece : "·"));
  return `### What the layer reads

The attention read ${chosen.size} of the ${pieces.length} positions. A dot stands for each position that it did not read:

\`\`\`
${wrapped(shown)}
\`\`\`
`;
}

function sharedText({ layers }: Watched, l: number): string {
  const lender = layers.findLastIndex((layer, i) => i < l && layer.has("indexer_score"));
  const [ours, theirs] = [layers[l], layers[lender]].map((layer) => shownBy(layer, "top_k").data);
  const isSame = ours.every((s, i) => s === theirs[i]);
  if (!isSame) throw new Error(`layer ${l}: expected the rows that layer ${lender} chose`);
  return `It has no indexer. Its attention has queries, keys and values of its own, and reads the rows that
layer ${lender}, the last full one before it, has chosen (IndexShare).\n`;
}

/** How long the residual stream is after each layer. */
function streamText({ model, layers }: Watched): string {
  const length = ({ data }: Seen) =>
    Math.sqrt(data.reduce((sum, x) => sum + x * x, 0)).toPrecision(4);
  const rows = layers.map((layer, l) => {
    const kind = `${layer.has("indexer_score") ? "full" : "shared"}, ${layer.has("ffn_moe_topk") ? "sparse" : "dense"}`;
    const experts = layer.get("ffn_moe_topk")?.data.join(" ") ?? "";
    const [attn, ffn, out] = (["attn_out", "ffn_out", "l_out"] as const).map((stage) =>
      length(shownBy(layer, stage)),
    );
    return `| ${l} | ${kind} | ${attn} | ${ffn} | ${out} | ${experts} |`;
  });
  return `Each layer adds two vectors to the residual stream. These are their lengths (the square root of the sum of
squares), the length of the stream after the layer, and the experts that the token visited. The stream
began with length ${length(shownBy(model, "inp_embd"))}.

| layer | kind | attn_out | ffn_out | l_out | experts |
|---:|---|---:|---:|---:|---|
${rows.join("\n")}
`;
}

function likeliestText(glm: Glm, { data }: Seen): string {
  const logits = Float32Array.from(data);
  const { vocabLimit } = glm.sampling;
  const options = { temperature: 1, ...(vocabLimit !== undefined && { vocabLimit }) };
  const probabilities = distribution(logits, options, []);
  const rows = topIds(logits, N_LIKELIEST).map((id) => {
    const percent = (100 * probabilities[id]).toFixed(2);
    return `| \`${glm.decode([id])}\` | ${id} | ${numberText(data[id])} | ${percent} % |`;
  });
  return `A softmax makes probabilities of them ([sampler.ts](../engine/generate/sampler.ts)). The likeliest tokens:

| token | id | logit | probability |
|---|---:|---:|---:|
${rows.join("\n")}

The sampler chooses one of them: the first, if it is greedy. The token is appended to the text, and all
of this happens again, one position further.
`;
}

function shownBy(layer: SeenLayer, stage: TourStage): Seen {
  const value = layer.get(stage);
  if (value) return value;
  throw new Error(`stage ${stage}: expected the pass to show it`);
}

/** Pieces in lines of about 90 characters; a piece is never cut. */
function wrapped(pieces: readonly string[]): string {
  const lines = [""];
  for (const piece of pieces) {
    if (lines[lines.length - 1].length + piece.length > 90) lines.push("");
    lines[lines.length - 1] += piece.replaceAll("\n", "⏎");
  }
  return lines.join("\n");
}
