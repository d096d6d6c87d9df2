/**
 * Answers that the build recorded, so that all scenes are filled before there is a model on the page.
 * The same code made them that makes the live ones.
 * @module
 */
import type { AskName, Asks } from "../messages.ts";

/** What was asked, and what the engine answered. */
interface Entry {
  readonly name: string;
  readonly ask: unknown;
  readonly answer: unknown;
}

/** Finds a recorded answer. */
export interface RecordedAnswers {
  find<N extends AskName>(name: N, ask?: Asks[N]["ask"]): Asks[N]["answer"] | undefined;
  /** All recorded answers to requests of a name. */
  all<N extends AskName>(
    name: N,
  ): readonly { readonly ask: Asks[N]["ask"]; readonly answer: Asks[N]["answer"] }[];
}

const ARRAYS: Readonly<Record<string, (bytes: ArrayBuffer) => unknown>> = {
  f32: (bytes) => new Float32Array(bytes),
  i32: (bytes) => new Int32Array(bytes),
  u8: (bytes) => new Uint8Array(bytes),
};

/** JSON in which arrays of numbers stand as `{"$": "f32", "data": base64}`. */
export function readRecorded(json: string): RecordedAnswers {
  const { entries } = JSON.parse(json, (_, value: unknown) => {
    if (typeof value !== "object" || value === null || !("$" in value) || !("data" in value)) {
      return value;
    }
    const bytes = Uint8Array.from(atob(String(value.data)), (c) => c.charCodeAt(0));
    return ARRAYS[String(value.$)]?.(bytes.buffer);
  }) as { readonly entries: readonly Entry[] };
  return {
    all<N extends AskName>(name: N) {
      return entries.filter((each) => each.name === name) as {
        ask: Asks[N]["ask"];
        answer: Asks[N]["answer"];
      }[];
    },
    find<N extends AskName>(name: N, ask?: Asks[N]["ask"]) {
      const wanted = ask && JSON.stringify(ask);
      const entry = entries.find(
        (each) => each.name === name && (!wanted || JSON.stringify(each.ask) === wanted),
      );
      return entry?.answer as Asks[N]["answer"] | undefined;
    },
  };
}
