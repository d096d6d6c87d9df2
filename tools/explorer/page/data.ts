/**
 * The views: signals that hold what the engine says about the chosen token, layer and text.
 *
 * A view asks anew when its question changes, and asks the worker only while its scene is near the reader. The old
 * answer stays until the new one is there, so that figures do not flicker.
 * @module
 */

import { recorded } from "virtual:recorded";
import {
  computed,
  effect,
  type ReadonlySignal,
  type Signal,
  signal,
  untracked,
} from "@preact/signals";
import { Stopped } from "../live/client.ts";

import type {
  AskName,
  Asks,
  ExampleFacts,
  LayerFacts,
  LayerLook,
  Look,
  Progress,
  Sizes,
} from "../messages.ts";
import {
  askLive,
  fact,
  isHeld,
  isLive,
  isRecordedText,
  opened,
  recordedAnswers,
  sentenceOf,
  t,
  text,
  trace,
  words,
} from "./engine.ts";
import { anotherEnd, endOf } from "./fork.ts";
import { chosenLayer, chosenRow, forkEnd, isTight, switches, watched } from "./state.ts";

import type { SceneName } from "./url.ts";

/** Where a number comes from. */
export type Origin = "recorded" | "live" | "file";

/** The answer of a view, or why there is none. */
export interface View<A> {
  readonly answer?: A;
  readonly origin?: Origin;
  readonly waits?: boolean;
  readonly progress?: Progress;
  readonly failed?: string;
}

/** The scenes that are on the screen or close to it. */
export const near: Signal<ReadonlySet<SceneName>> = signal(new Set());

/**
 * A view of the worker's answers.
 *
 * @param scenes   the view asks only while one of these is near; undefined: always
 * @param question what to ask, or undefined while there is nothing to ask
 * @param isOnlyOne whether the recorded answer is found by its name alone
 */
function view<N extends AskName>(
  name: N,
  scenes: readonly SceneName[] | undefined,
  question: () => Asks[N]["ask"] | undefined,
  isOnlyOne = false,
): ReadonlySignal<View<Asks[N]["answer"]>> {
  const result: Signal<View<Asks[N]["answer"]>> = signal({ waits: true });
  let answered: { readonly words: unknown; readonly ask: string } | undefined;
  const ask = computed(() => {
    // Recorded answers cost nothing, so all figures have their height from the beginning.
    const isFree = !isHeld.value && !trace.value;
    if (!isFree && scenes && !scenes.some((scene) => near.value.has(scene))) return undefined;
    return question();
  });
  effect(() => {
    const isOfFile = name === "traceLook";
    if (isOfFile !== (trace.value !== undefined)) {
      answered = undefined;
      result.value = {};
      return;
    }
    const wanted = ask.value;
    if (wanted === undefined) return;
    if (!isLive.value && !isOfFile) {
      // While another text is read, the figures keep what belongs to the one that is shown.
      if (isHeld.value) return;
      const answer =
        isRecordedText.value && recordedAnswers.value?.find(name, isOnlyOne ? undefined : wanted);
      result.value = answer ? { answer, origin: "recorded" } : { waits: true };
      return;
    }
    // A scene that comes near again has its answer already.
    const asked = { words: words.value, ask: JSON.stringify(wanted) };
    if (answered?.words === asked.words && answered.ask === asked.ask) return;
    result.value = { ...untracked(() => result.value), waits: true };
    const origin = isOfFile ? "file" : "live";
    const onProgress = (progress: Progress): void => {
      result.value = { ...result.peek(), progress };
    };
    askLive(name, wanted, { onProgress }).then(
      (answer) => {
        answered = asked;
        result.value = { answer, origin };
      },
      (error: unknown) => {
        if (!(error instanceof Stopped)) result.value = { failed: sentenceOf(error) };
      },
    );
  });
  return result;
}

const textLook = view("look", undefined, () => ({
  t: t.value,
  ...(watched.value !== undefined && { watch: watched.value }),
}));
const traceLook = view("traceLook", undefined, () => ({ t: t.value }));

/** Everything about the token that is looked at. */
export const look: ReadonlySignal<View<Look>> = computed(() =>
  trace.value ? traceLook.value : textLook.value,
);

/** The layers of the model, or of the file. */
export const layers: ReadonlySignal<readonly LayerFacts[]> = computed(
  () => trace.value?.layers ?? opened.value?.layers ?? [],
);

/** Where the tokens of the text come from. */
export const textOrigin: ReadonlySignal<Origin> = computed(() => {
  if (trace.value) return "file";
  return isHeld.value ? "live" : "recorded";
});

/** The lengths of the model; those of a file's model are not known. */
export const sizes: ReadonlySignal<Sizes | undefined> = computed(() =>
  trace.value ? undefined : opened.value?.sizes,
);

/** How many rows a query may attend to; of a file, as many as the query of its last token has. */
export const indexTopk: ReadonlySignal<number> = computed(() => {
  const { layers: all } = look.value.answer ?? {};
  return sizes.value?.indexTopk ?? all?.at(-1)?.chosen?.length ?? recorded.indexTopk;
});

/** The layer that is looked at: the chosen one, or the one that finds the word. */
export const layer: ReadonlySignal<number> = computed(() => {
  const last = layers.value.length - 1;
  const fallback = trace.value ? last : recorded.finds;
  return last < 0 ? recorded.finds : Math.min(chosenLayer.value ?? fallback, last);
});

/** The layer whose choice the chosen layer uses. */
export const lender: ReadonlySignal<number> = computed(
  () => layers.value[layer.value]?.lender ?? recorded.layers[layer.value]?.lender ?? layer.value,
);

/** One layer of an answer. */
export const layerOf = (answer: Look | undefined, at: number): LayerLook | undefined =>
  answer?.layers.find((each) => each.layer === at);

/** The row that is pointed at: the chosen one, or the secret word, or the one with the best score. */
export const row: ReadonlySignal<number | undefined> = computed(() => {
  if (chosenRow.value !== undefined && chosenRow.value <= t.value) return chosenRow.value;
  if (fact.value !== undefined) return fact.value;
  const scores = layerOf(look.value.answer, lender.value)?.scores;
  return scores && scores.length > 0 ? scores.indexOf(Math.max(...scores)) : undefined;
});

/** The row for the figures of a scene: those that nobody sees are not drawn again for each step. */
export const rowIn = (scene: SceneName): number | undefined =>
  near.value.has(scene) ? row.value : row.peek();

/** How the heads of the indexer vote. */
export const votes = view("votes", ["choose"], () => ({ t: t.value, layer: lender.value }));

/** What a dense attention would do in the chosen layer. */
export const dense = view("dense", ["dense"], () => ({ t: t.value, layer: layer.value }));

/** Which tokens visit which experts. */
export const experts = view("experts", ["experts"], () => ({}));

/** How the choices resemble each other. */
export const overlaps = view("overlaps", ["share"], () => ({ t: t.value }));

/** The end of the second text of scene 8. */
export const shownEnd: ReadonlySignal<string> = computed(
  () => forkEnd.value ?? anotherEnd(endOf(text.value)),
);

/** The pages of the text and of a second one. */
export const pages = view(
  "pages",
  ["pages"],
  () => {
    const fork = text.value.slice(0, text.value.length - endOf(text.value).length) + shownEnd.value;
    return { fork, ...(isTight.value && leastHotBytes.value && { hotBytes: leastHotBytes.value }) };
  },
  true,
);

/** The least memory that the rows can have; known after the first answer. */
const leastHotBytes: Signal<number> = signal(0);
effect(() => {
  const least = pages.value.answer?.leastHotBytes;
  if (least !== undefined) leastHotBytes.value = least;
});

/** Rounds of guesses after the text. */
export const drafts = view(
  "draft",
  ["guesses"],
  () => ({ steps: 3, rounds: 6, temperature: 0, seed: 0 }),
  true,
);

/** The most tokens of a text that the switches are tried on without a wish of the reader. */
const QUICK_TOKENS = 1024;

/** The example that the switches are tried on instead of a long text; undefined is the text of the page. */
export const whatIfExample: ReadonlySignal<ExampleFacts | undefined> = computed(() =>
  words.value.length <= QUICK_TOKENS && !trace.value
    ? undefined
    : opened.value?.examples.find(({ questions }) => questions !== undefined),
);

/** How many tokens both models write after the text. */
const WRITTEN = 24;

/** What the pressed switches change. */
export const whatIf = view("whatIf", ["whatif"], () => {
  if (switches.value.length === 0) return undefined;
  const { text: story, questions } = whatIfExample.value ?? { text: text.value };
  const asked = story + (questions?.at(0)?.question ?? "");
  return { switches: switches.value, count: WRITTEN, text: asked, recall: true };
});

/** A token of the text, as characters. */
export const wordAt = (s: number): string => words.value[s]?.text ?? "";
