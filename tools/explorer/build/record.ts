/**
 * What the page shows before the model is there: answers of the same code that will answer there.
 * @module
 */
import type { Glm } from "../../library/index.ts";
import type { Call } from "../live/desk.ts";
import { Study } from "../live/study.ts";
import type { OpenedModel } from "../live/web-model.ts";
import type {
  AskName,
  Asks,
  ExampleFacts,
  LayerLook,
  Look,
  Opened,
  Recorded,
  RecordedLayer,
  RecordedMore,
} from "../messages.ts";
import { forkOf } from "../page/fork.ts";

/** The first scene, and the answers for the others. */
export interface Recording {
  readonly recorded: Recorded;
  readonly more: RecordedMore;
}

/** How many tokens both models write in the what-if scene. */
const WHAT_IF_TOKENS = 24;

/** Nobody stops the build, and nobody watches it. */
const CALL: Call = {
  signal: new AbortController().signal,
  onProgress: () => {},
  onToken: () => {},
};

/** How much is recorded. */
export interface RecordOptions {
  /** Only the short story and a few switches, so that a test has a page within seconds. */
  readonly isQuick: boolean;
}

/** How many switches are recorded when it must be quick. */
const QUICK_SWITCHES = 2;

/**
 * Asks a {@link Study} about the long example, and about the one with questions what each switch changes.
 */
export async function record(
  glm: Glm,
  examples: readonly ExampleFacts[],
  { isQuick }: RecordOptions,
): Promise<Recording> {
  const study = new Study(async () => openedOf(glm, examples));
  const entries: RecordedMore["entries"][number][] = [];
  const ask = async <N extends AskName>(
    name: N,
    what: Asks[N]["ask"],
  ): Promise<Asks[N]["answer"]> => {
    const answers = study.answers[name] as (
      ask: Asks[N]["ask"],
      call: Call,
    ) => Promise<Asks[N]["answer"]>;
    const answer = await answers(what, CALL);
    entries.push({ name, ask: what, answer });
    return answer;
  };
  const opened = await ask("open", { modelUrl: "", kernelsUrl: "", examplesUrl: "" });
  const example = opened.examples.find(({ id }) => id === (isQuick ? "short" : "long"));
  if (!example) throw new Error("expected an example with a fact");
  const { fact: sentence = "", wordAt: fact = 0 } = example;
  const word = sentence.slice(sentence.lastIndexOf(" "));
  const { tokens } = await ask("read", { text: example.text });
  const wordId = tokens[fact].id;
  const t = tokens.length - 1;
  const first = await ask("look", { t });
  const look = first.watched === wordId ? first : await ask("look", { t, watch: wordId });
  const layers = opened.layers.map(({ layer }) => layerOf(opened, look, layer, fact));
  const recorded: Omit<Recorded, "scores" | "chosen"> = {
    example: example.id,
    text: example.text,
    ids: tokens.map(({ id }) => id),
    texts: tokens.map(({ text }) => text),
    t,
    fact,
    word,
    wordId,
    indexTopk: opened.sizes.indexTopk,
    layers,
    ...storyOf(layers),
    top: look.top,
  };
  const { finds, reads } = recorded;
  for (const layer of [finds, reads]) await ask("dense", { t, layer });
  await ask("votes", { t, layer: finds });
  await ask("experts", {});
  await ask("overlaps", { t });
  await ask("pages", { fork: forkOf(example.text) });
  await ask("draft", { steps: 3, rounds: 6, temperature: 0, seed: 0 });
  const six = opened.examples.find(({ questions }) => questions !== undefined);
  if (!six) throw new Error("expected an example with questions");
  const switches = isQuick ? opened.switches.slice(0, QUICK_SWITCHES) : opened.switches;
  for (const { id } of switches) {
    const wish = { text: six.text + six.questions?.[0].question, recall: true };
    await ask("whatIf", { switches: [id], count: WHAT_IF_TOKENS, ...wish });
  }
  const scores = [...(look.layers[finds].scores ?? [])].map((x) => Math.round(100 * x) / 100);
  const chosen = [...(look.layers[finds].chosen ?? [])];
  return { recorded: { ...recorded, scores, chosen }, more: { entries } };
}

/** A model of the library, as the worker has it. @throws for one without a tokenizer */
export function openedOf(glm: Glm, examples: readonly ExampleFacts[]): OpenedModel {
  const { model, tokenizer, textStart, source, arithmetic } = glm;
  if (!tokenizer) throw new Error(`${source.name}: expected a tokenizer`);
  const close = () => glm.close();
  return { model, tokenizer, textStart, name: source.name, arithmetic, examples, close };
}

/** The layer that ranks the fact best, and the first after which its word is the likeliest. */
function storyOf(layers: readonly RecordedLayer[]): Pick<Recorded, "finds" | "reads"> {
  const full = layers.filter(({ type }) => type === "full");
  const best = Math.min(...full.map(({ rank }) => rank));
  const most = Math.min(...layers.map(({ lensRank }) => lensRank));
  return {
    finds: full.findLast(({ rank }) => rank === best)?.layer ?? 0,
    reads: layers.find(({ lensRank }) => lensRank === most)?.layer ?? layers.length - 1,
  };
}

function layerOf({ layers }: Opened, look: Look, layer: number, fact: number): RecordedLayer {
  const { type, lender } = layers[layer];
  const of = (l: number): LayerLook => look.layers[l];
  const { scores = new Float32Array(0), threshold = Number.NEGATIVE_INFINITY } = of(lender);
  const { chosen = new Int32Array(0), weights = new Float32Array(0), lens } = of(layer);
  const at = chosen.indexOf(fact);
  const nHeads = weights.length / Math.max(1, chosen.length);
  const onFact = Array.from({ length: nHeads }, (_, h) =>
    at < 0 ? 0 : weights[h * chosen.length + at],
  );
  return {
    layer,
    type,
    lender,
    score: scores[fact],
    rank: 1 + scores.reduce((n, score) => n + (score > scores[fact] ? 1 : 0), 0),
    threshold,
    isChosen: at >= 0,
    weight: onFact.reduce((a, b) => a + b, 0) / nHeads,
    mostWeight: Math.max(...onFact),
    lensRank: lens?.rank ?? Number.NaN,
    lensP: lens?.p ?? Number.NaN,
  };
}

/** The code of a module that exports the first scene. Each token's text stands in it once. */
export function recordedModule(recorded: Recorded): string {
  const { ids, texts, scores, text, ...rest } = recorded;
  const textOf = new Map(ids.map((id, i) => [id, texts[i]]));
  const isOnePerId = ids.every((id, i) => textOf.get(id) === texts[i]);
  const start = texts.findIndex((_, i) => texts.slice(i).join("") === text);
  if (!isOnePerId || start < 0) {
    throw new Error("expected a text whose tokens have one text each, and are the text together");
  }
  const hundredths = scores.map((x) => Math.round(100 * x));
  return [
    `const ids = ${JSON.stringify(ids)};`,
    `const textOf = new Map(${JSON.stringify([...textOf])});`,
    "const texts = ids.map((id) => textOf.get(id));",
    `const scores = ${JSON.stringify(hundredths)}.map((x) => x / 100);`,
    `export const recorded = { ...${JSON.stringify(rest)}, ids, texts, scores, text: texts.slice(${start}).join("") };`,
  ].join("\n");
}

/** JSON in which typed arrays stand as `{"$": kind, "data": base64}`. */
export function moreJson(more: RecordedMore): string {
  return JSON.stringify(more, (_, value: unknown) => {
    if (!ArrayBuffer.isView(value)) return value;
    const { buffer, byteOffset, byteLength } = value;
    const data = Buffer.from(buffer, byteOffset, byteLength).toString("base64");
    return { $: kindOf(value), data };
  });
}

function kindOf(array: ArrayBufferView): string {
  if (array instanceof Float32Array) return "f32";
  if (array instanceof Int32Array) return "i32";
  if (array instanceof Uint8Array) return "u8";
  throw new Error(`expected a known kind of array, got ${array.constructor.name}`);
}
