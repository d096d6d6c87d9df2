/**
 * The worker's side of the explorer in this process, with the demo model from disk.
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openedOf } from "../../../tools/explorer/build/record.ts";
import { type Client, type Line, newClient } from "../../../tools/explorer/live/client.ts";
import { Desk } from "../../../tools/explorer/live/desk.ts";
import { Study } from "../../../tools/explorer/live/study.ts";
import type { ExampleFacts, FromWorker } from "../../../tools/explorer/messages.ts";
import { open } from "../../../tools/node/index.ts";
import { ROOT } from "../../support/paths.ts";

const story = (name: string): string =>
  readFileSync(join(ROOT, "docs/understand", name), "utf8").trimEnd();

/** Stories that hide a word: some 900 tokens, and some 3,600. */
export const STORY = story("secret.txt");
export const LONG_STORY = story("secret-long.txt");

/** Where the model would be for a page; here it is opened from disk. */
export const NOWHERE = { modelUrl: "", kernelsUrl: "", examplesUrl: "" };

/** A client, and how to end what it talks to. */
export interface Live extends Client {
  close(): Promise<void>;
}

/** Opens the demo model, with one thread. */
export function startLive(examples: readonly ExampleFacts[] = []): Live {
  const study = new Study(async () => openedOf(await open(undefined, { threads: 1 }), examples));
  const line: Line = {
    onmessage: null,
    postMessage: (message) => void desk.hear(structuredClone(message)),
  };
  const desk = new Desk(study.answers, (message: FromWorker) => {
    line.onmessage?.({ data: structuredClone(message) });
  });
  return { ...newClient(line), close: () => study.close() };
}
