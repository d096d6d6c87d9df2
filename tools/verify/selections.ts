/**
 * The gate of the selections: which rows and which experts the layers of a live server chose, where it tells.
 * Without any reference they show whether the model is the one that was made: layers that share a selection
 * have the same one, each position chooses as many rows as there are, up to `index_topk`.
 *
 * Next: told-numbers.ts
 * @module
 */

import type { Answer, Ask } from "../remote/ask.ts";
import { FREE } from "../remote/budget.ts";
import { fieldsOf } from "../remote/fields-of.ts";
import {
  askInCase,
  type Check,
  type Gate,
  type ModelShape,
  type Probe,
  type Reference,
} from "./gate.ts";
import { storyIds } from "./story.ts";
import { type ToldRows, toldRows } from "./told-numbers.ts";

/** Tokens behind `index_topk`, where the layers have to choose. */
const BEYOND = 32;

/** Bytes of an answer that is asked for at most. */
const MOST_BYTES = 2 ** 25;

/** The gate. */
export const SELECTIONS: Gate = {
  name: "selections",
  shows: "how many rows and experts are chosen, and which layers share a selection",
  hides: "that the best ones are chosen, and the attention to them",
  cost: ({ reference, seed }) => {
    const ids = reference.shape && textOf(reference, reference.shape, seed);
    return ids ? { requests: 2, tokensIn: 2 * ids.length, tokensOut: 2 } : FREE;
  },
  run: selections,
};

/** A text in which the layers have to choose, or a short one where their choices would be too long to tell. */
function textOf({ tokenizer }: Reference, shape: ModelShape, seed: number): readonly number[] {
  const { indexTopk, indexerTypes } = shape;
  const wanted = indexTopk + BEYOND;
  const bytes = Int32Array.BYTES_PER_ELEMENT * wanted * indexerTypes.length * indexTopk;
  return storyIds(tokenizer, seed, bytes <= MOST_BYTES ? wanted : BEYOND);
}

async function selections(probe: Probe): Promise<readonly Check[]> {
  const { reference, seed, onProgress } = probe;
  const { shape } = reference;
  if (!shape) {
    const evidence = "the folder of the reference has no config.json that says what is chosen";
    return [{ name: "selections", verdict: "unknown", evidence }];
  }
  const ids = textOf(reference, shape, seed);
  const question = (field: string): Ask => ({
    path: "completions",
    body: { prompt: ids, max_tokens: 1, temperature: 0, [field]: true },
    tokensIn: ids.length,
    tokensOut: 1,
  });
  onProgress?.(0, 2);
  const rows = choiceIn(await askInCase(probe, question("return_indexer_topk")), "indexer_topk");
  onProgress?.(1, 2);
  const experts = choiceIn(
    await askInCase(probe, question("return_routed_experts")),
    "routed_experts",
  );
  return [
    ...rowChecks(toldRows(rows, shape.indexTopk, ids.length), shape),
    expertCheck(toldRows(experts, shape.numExpertsPerTok, ids.length), shape),
  ];
}

/** What is told of the first choice: SGLang has two places for it, vLLM a third. */
function choiceIn(answer: Answer | undefined, name: string): unknown {
  const { choices } = fieldsOf(answer?.json);
  const choice = fieldsOf(Array.isArray(choices) ? choices[0] : undefined);
  const { meta_info: meta, sgl_ext: extra } = choice;
  return fieldsOf(meta)[name] ?? fieldsOf(extra)[name] ?? choice[name];
}

function rowChecks(told: ToldRows | string, shape: ModelShape): Check[] {
  const names = ["rows that are chosen", "layers that share a selection"];
  if (typeof told === "string") {
    return names.map((name) => ({ name, verdict: "unknown", evidence: told }));
  }
  const { indexTopk, indexerTypes } = shape;
  const found = firstWrong(told, (row, token) => rowFault(row, token, indexTopk));
  const wrong = found && (widthFault(told, shape) ?? found);
  const all = `${told.nTokens} tokens in ${told.nLayers} layers`;
  const isFull = told.nLayers === indexerTypes.filter((type) => type === "full").length;
  const checks: Check[] = [
    {
      name: names[0],
      verdict: wrong === undefined ? "pass" : "fail",
      evidence: wrong?.where ?? `${all}: min(${indexTopk}, t + 1) different rows each`,
      fault: wrong?.fault,
    },
  ];
  if (told.nLayers !== indexerTypes.length || told.nTokens <= indexTopk) {
    const why = isFull
      ? "only layers with an indexer of their own are told"
      : told.nLayers === indexerTypes.length
        ? "the text is too short: all rows are chosen"
        : `${told.nLayers} layers are told, the model has ${indexerTypes.length}`;
    return [...checks, { name: names[1], verdict: "unknown", evidence: why, isExtra: true }];
  }
  return [...checks, { name: names[1], ...sharing(told, shape) }];
}

/** Numbers without a header that are not of `index_topk` for each layer may be of another one. */
function widthFault(
  told: ToldRows,
  { indexTopk, indexerTypes }: ModelShape,
): { readonly where: string; readonly fault: string } | undefined {
  const width = (told.nLayers * indexTopk) / indexerTypes.length;
  if (width === indexTopk || !Number.isInteger(width)) return undefined;
  const where = `the numbers are of ${width} rows in ${indexerTypes.length} layers`;
  return { where, fault: `the server chooses ${width} rows, index_topk is ${indexTopk}` };
}

/** What is wrong with the rows that one token chose in one layer. */
function rowFault(row: Int32Array, token: number, topk: number): string | undefined {
  const chosen = row.filter((x) => x >= 0);
  const wanted = Math.min(topk, token + 1);
  if (row.some((x) => x < -1)) return "the numbers are no positions";
  if (chosen.some((x) => x > token)) return "a token attends to rows that come after it";
  if (new Set(chosen).size < chosen.length) return "a row is chosen twice";
  if (chosen.length === wanted) return undefined;
  return chosen.length < wanted
    ? `fewer rows are chosen than index_topk (${topk}) allows`
    : `more rows are chosen than index_topk (${topk}) allows`;
}

/** Compares each layer with the one whose selection it should have. Full layers should have their own. */
function sharing(
  told: ToldRows,
  { indexTopk, indexerTypes }: ModelShape,
): Pick<Check, "verdict" | "evidence" | "fault"> {
  const tokens = Array.from({ length: told.nTokens - indexTopk }, (_, i) => indexTopk + i);
  const isSame = (a: number, b: number) =>
    tokens.every((token) => sortedText(told.row(token, a)) === sortedText(told.row(token, b)));
  for (const [layer, type] of indexerTypes.entries()) {
    if (layer === 0) continue;
    const lender = indexerTypes.findLastIndex((one, i) => one === "full" && i < layer);
    const same = isSame(layer, lender);
    if (same === (type === "shared")) continue;
    const evidence = `layer ${layer} is ${type}, and its selection is ${same ? "" : "not "}that of layer ${lender}`;
    const fault = same
      ? "a layer with an indexer of its own takes the selection of another one"
      : "a layer that shares a selection chooses rows of its own";
    return { verdict: "fail", evidence, fault };
  }
  const full = indexerTypes.flatMap((type, i) => (type === "full" ? [i] : []));
  return { verdict: "pass", evidence: `layers ${full.join(", ")} choose, the others take over` };
}

function expertCheck(told: ToldRows | string, shape: ModelShape): Check {
  const name = "experts";
  const { mlpLayerTypes, nRoutedExperts, numExpertsPerTok } = shape;
  if (typeof told === "string") return { name, verdict: "unknown", evidence: told, isExtra: true };
  const sparse = mlpLayerTypes.flatMap((type, i) => (type === "sparse" ? [i] : []));
  const isAll = told.nLayers === mlpLayerTypes.length;
  if (!isAll && told.nLayers !== sparse.length) {
    const evidence = `${told.nLayers} layers are told, the model has ${mlpLayerTypes.length}, ${sparse.length} with experts`;
    return { name, verdict: "fail", evidence, fault: "the model has other layers" };
  }
  const wrong = firstWrong(told, (row, _token, layer) => {
    if (isAll && !sparse.includes(layer)) return undefined;
    if (row.some((x) => x < 0 || x >= nRoutedExperts)) return "there is no such expert";
    return new Set(row).size < row.length ? "an expert is chosen twice" : undefined;
  });
  const evidence = `${told.nTokens} tokens: ${numExpertsPerTok} different experts of ${nRoutedExperts} in ${sparse.length} layers`;
  return wrong
    ? { name, verdict: "fail", evidence: wrong.where, fault: wrong.fault }
    : { name, verdict: "pass", evidence };
}

/** The first token and layer with a fault. */
function firstWrong(
  told: ToldRows,
  faultOf: (row: Int32Array, token: number, layer: number) => string | undefined,
): { readonly where: string; readonly fault: string } | undefined {
  for (let token = 0; token < told.nTokens; token++) {
    for (let layer = 0; layer < told.nLayers; layer++) {
      const fault = faultOf(told.row(token, layer), token, layer);
      if (fault !== undefined) return { where: `token ${token}, layer ${layer}`, fault };
    }
  }
  return undefined;
}

function sortedText(row: Int32Array): string {
  return row.toSorted().join(" ");
}
