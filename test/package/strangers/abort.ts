/**
 * Begins everything that takes long, breaks it off, and looks whether anything is left: threads, open
 * files, files in a folder.
 *
 * Run with an empty folder as its argument; prints what happened as JSON.
 * @module
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { exportModel, quantize } from "glm52.ts/convert";
import { open } from "glm52.ts/node";

const [, , folder = "."] = process.argv;
const TALE = "Once upon a time, there was a little dog. ".repeat(12);

interface Left {
  readonly threads: number;
  readonly files: number;
  readonly written: readonly string[];
}

const left = (): Left => ({
  threads: readdirSync("/proc/self/task").length,
  files: readdirSync("/proc/self/fd").length,
  written: readdirSync(folder),
});

/** Begins the work, which gets a signal and a function that raises it. @returns how it ended */
async function brokenOff(
  work: (signal: AbortSignal, abort: () => void) => Promise<unknown>,
): Promise<unknown> {
  const controller = new AbortController();
  const abort = () => controller.abort(new Error("enough"));
  try {
    return await work(controller.signal, abort);
  } catch (error) {
    return error instanceof Error ? `threw ${error.message}` : error;
  }
}

await using glm = await open();
const demo = glm.source.folder ?? "";

const works: Record<string, (signal: AbortSignal, abort: () => void) => Promise<unknown>> = {
  nothing: async () => (await open(undefined, { threads: 2 })).close(),
  open: (signal, onProgress) => open(undefined, { threads: 3, signal, onProgress }),
  "open, before it begins": (signal, abort) => {
    abort();
    return open(undefined, { threads: 3, signal });
  },
  generate: async (signal, abort) => {
    let nPieces = 0;
    for await (const piece of glm.generate("Once", { signal, maxTokens: 100 })) {
      if (++nPieces === 2) abort();
      if (piece.finishReason) return `${piece.finishReason} after ${nPieces} pieces`;
    }
    return "no end";
  },
  "generate, in its prompt": async (signal, onPrefill) => {
    const pieces = glm.generate(TALE, { signal, onPrefill, chunk: 8 });
    const { value } = await pieces.next();
    await pieces.return(undefined as never);
    return "finishReason" in value ? value.finishReason : "a token";
  },
  chat: async (signal, onEvent) => {
    using chat = glm.chat();
    const turn = await chat.say("Tell me a story.", { signal, onEvent });
    return `${turn.finishReason}, ${chat.messages.length} messages`;
  },
  score: (signal, abort) => {
    const scoring = glm.score(TALE, { signal });
    abort();
    return scoring;
  },
  trace: (signal, onProgress) => glm.trace(TALE, { signal, onProgress, chunk: 8 }),
  quantize: (signal, onProgress) =>
    quantize(demo, join(folder, "q8"), { to: "q8", signal, onProgress }),
  "quantize, while it compares": (signal, abort) =>
    quantize(demo, join(folder, "q4"), {
      to: "q4",
      compareOn: TALE,
      signal,
      onProgress: (done, total) => (done === total ? abort() : undefined),
    }),
  exportModel: (signal, onProgress) =>
    exportModel(demo, join(folder, "demo.gguf"), { signal, onProgress }),
};

const told: [name: string, end: unknown, left: Left][] = [];
for (const [name, work] of Object.entries(works)) {
  told.push([name, (await brokenOff(work)) ?? "done", left()]);
}

const kept = glm.session();
{
  using session = kept;
  await session.generate("Once", { maxTokens: 2 }).next();
}
const late = await brokenOff(() => kept.generate(" more").next());
process.stdout.write(JSON.stringify({ told, late }));
