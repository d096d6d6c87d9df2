/**
 * The engine of the page: what text it holds, and what it is doing. Until a reader starts it, the page
 * shows the text and the numbers that the build recorded.
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
import { type Client, type Line, newClient, Stopped } from "../live/client.ts";
import type {
  AskName,
  Asks,
  ExampleFacts,
  FromWorker,
  ModelFiles,
  Opened,
  Progress,
  TokenFacts,
  TraceFacts,
} from "../messages.ts";
import { type RecordedAnswers, readRecorded } from "./recorded-answers.ts";
import { chosenRow, chosenT, example, ownText, servedTrace, unreadParts } from "./state.ts";

/** What the engine does. */
export type Engine =
  | { readonly kind: "absent" }
  | { readonly kind: "opening" | "reading"; readonly progress?: Progress }
  /** The reader has stopped the reading of a text. */
  | { readonly kind: "stopped" }
  | { readonly kind: "live"; readonly ran: number; readonly milliseconds: number }
  | { readonly kind: "failed"; readonly sentence: string };

/** A token for the eye. Only the engine knows its bytes. */
export interface Word extends Partial<TokenFacts> {
  readonly id: number;
  readonly text: string;
}

/** The text that the page shows. */
interface Shown {
  readonly words: readonly Word[];
  /** Its characters, without the control token that the model puts before it. */
  readonly text: string;
  /** Whether it is the one that was recorded. */
  readonly isRecorded: boolean;
  /** Whether the worker holds it. */
  readonly isLive: boolean;
}

export const engine: Signal<Engine> = signal({ kind: "absent" });
/** The file that is shown instead of the text, if there is one. */
export const trace: Signal<TraceFacts | undefined> = signal(undefined);
/** What is known of the model; undefined until the recorded answers have come. */
export const opened: Signal<Opened | undefined> = signal(undefined);
/** How many bytes the model has that a reader would fetch; undefined while that is not known. */
export const modelBytes: Signal<number | undefined> = signal(undefined);
/** Answers that were recorded, when they have come. */
export const recordedAnswers: Signal<RecordedAnswers | undefined> = signal(undefined);

const shown: Signal<Shown> = signal({
  words: recorded.ids.map((id, i) => ({ id, text: recorded.texts[i] })),
  text: recorded.text,
  isRecorded: true,
  isLive: false,
});

/** The text, as tokens. */
export const words: ReadonlySignal<readonly Word[]> = computed(() =>
  trace.value ? wordsOfTrace(trace.value) : shown.value.words,
);

/** The characters of the text. */
export const text = computed(() => shown.value.text);

/** Whether the shown text is the one that was recorded. */
export const isRecordedText = computed(() => !trace.value && shown.value.isRecorded);

/** Whether the reader, or a link, has asked for a text that nobody has read yet. */
export const wantsOther = computed(
  () =>
    engine.value.kind === "absent" &&
    (ownText.value !== undefined || (example.value ?? recorded.example) !== recorded.example),
);

/** Whether the shown text is one that the worker has read. */
export const isHeld = computed(() => shown.value.isLive);

/** Whether the worker can answer for the shown text. */
export const isLive = computed(() => shown.value.isLive && engine.value.kind === "live");

/** The position that is looked at. */
export const t: ReadonlySignal<number> = computed(() => {
  const last = words.value.length - 1;
  return Math.min(chosenT.value ?? last, last);
});

/** Where the word stands that the text hides, if it is an example with one and `t` comes after it. */
export const fact: ReadonlySignal<number | undefined> = computed(() => {
  const at = isRecordedText.value ? recorded.fact : shownExample()?.wordAt;
  return at !== undefined && at <= t.value ? at : undefined;
});

function shownExample(): ExampleFacts | undefined {
  if (trace.value || ownText.value !== undefined) return undefined;
  return opened.value?.examples.find(({ id }) => id === example.value);
}

function wordsOfTrace({ ids, tokens }: TraceFacts): Word[] {
  return Array.from({ length: tokens }, (_, i) => {
    const id = ids?.[i] ?? -1;
    return { id, text: id < 0 ? " ·" : ` ${id}` };
  });
}

let client: Client | undefined;
let opening: Promise<void> | undefined;

function connected(): Client {
  if (client) return client;
  const worker = new Worker(new URL("../live/worker.ts", import.meta.url), { type: "module" });
  const line: Line = { postMessage: (message) => worker.postMessage(message), onmessage: null };
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => line.onmessage?.({ data });
  client = newClient(line);
  return client;
}

/** Finds out how large the model is, from the list of its files. */
export async function fetchModelSize(): Promise<void> {
  const response = await fetch("model/files.json").catch(() => undefined);
  if (!response?.ok) return;
  const { files }: ModelFiles = await response.json();
  modelBytes.value = files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Fetches the recorded answers of all scenes; they need no model. A server on the reader's own computer has
 * none, but the model is near: then the engine starts by itself.
 */
export async function fetchRecorded(): Promise<void> {
  const response = await fetch("recorded-more.json").catch(() => undefined);
  if (!response?.ok) return;
  recordedAnswers.value = readRecorded(await response.text());
  const known = recordedAnswers.value.find("open");
  if (!known) await startEngine();
  opened.value ??= known;
}

/** The text that is to be read. An example that is not there is named, and the recorded one is read. */
function wantedText(): string {
  if (ownText.value !== undefined) return ownText.value;
  const id = example.value ?? recorded.example;
  if (id === recorded.example) return recorded.text;
  const found = opened.value?.examples.find((each) => each.id === id);
  if (!found) unreadParts.value = [...new Set([...unreadParts.peek(), `ex=${id}`])];
  return found?.text ?? recorded.text;
}

/** What went wrong, as a sentence. */
export const sentenceOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Starts the engine on this page: fetches the model, then reads each text that the reader chooses. */
export function startEngine(): Promise<void> {
  opening ??= open().catch((error: unknown) => {
    opening = undefined;
    engine.value = { kind: "failed", sentence: sentenceOf(error) };
  });
  return opening;
}

async function open(): Promise<void> {
  engine.value = { kind: "opening" };
  const base = document.baseURI.replace(/#.*$/, "");
  const ask = {
    modelUrl: new URL("model/", base).href,
    kernelsUrl: new URL("kernels.wasm", base).href,
    examplesUrl: new URL("examples.json", base).href,
  };
  const onProgress = (progress: Progress): void => {
    engine.value = { kind: "opening", progress };
  };
  opened.value = await connected().ask("open", ask, { onProgress });
  effect(() => {
    const wanted = wantedText();
    untracked(() => void readText(wanted));
  });
}

/** Ends the reading that is going on. */
let reading = new AbortController();

/** Stops the reading of a text; the figures keep the one before. */
export function stopReading(): void {
  reading.abort();
  engine.value = { kind: "stopped" };
}

/** Reads the chosen text again, after it was stopped. */
export function readAgain(): void {
  void readText(wantedText());
}

async function readText(text: string): Promise<void> {
  engine.value = { kind: "reading" };
  reading = new AbortController();
  const { signal } = reading;
  try {
    const onProgress = (progress: Progress): void => {
      if (!signal.aborted) engine.value = { kind: "reading", progress };
    };
    const options = { onProgress, signal };
    const { tokens, ran, milliseconds } = await connected().ask("read", { text }, options);
    // Another model may cut the same text into other tokens.
    const isRecorded =
      tokens.length === recorded.ids.length && tokens.every(({ id }, i) => id === recorded.ids[i]);
    shown.value = { words: tokens, text, isRecorded, isLive: true };
    engine.value = { kind: "live", ran, milliseconds };
  } catch (error) {
    if (error instanceof Stopped) return;
    engine.value = { kind: "failed", sentence: sentenceOf(error) };
  }
}

/** Asks the worker once. */
export function askLive<N extends AskName>(
  name: N,
  ask: Asks[N]["ask"],
  options: Parameters<Client["ask"]>[2] = {},
): Promise<Asks[N]["answer"]> {
  return connected().ask(name, ask, options);
}

/** Opens a trace file of the reader, or the one that the server holds, and shows it instead of the text. */
export async function openTrace(file: File | string): Promise<void> {
  const ask =
    typeof file === "string"
      ? { url: new URL("trace", document.baseURI).href, name: file }
      : { file, name: file.name };
  trace.value = await askLive("trace", ask);
  chosenT.value = undefined;
  chosenRow.value = undefined;
}

/** Shows the text again. */
export function closeTrace(): void {
  trace.value = undefined;
  servedTrace.value = undefined;
  chosenT.value = undefined;
  chosenRow.value = undefined;
}
