/** What is begun ends without a trace: after `close`, after an abort, after a block of `using`. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, inject, it } from "vitest";
import { DEMO_MODEL, scratchFolder } from "../support/paths.ts";
import { HERE, run, write } from "../support/stranger.ts";
import { glm52 } from "../tools/cli/fake-terminal.ts";

/**
 * Opens and closes a model again and again, and prints what the process has after some of the rounds.
 * Its arguments are the folder of the model, the rounds, and whether it closes.
 */
const ROUNDS = `
import { readdirSync } from "node:fs";
import { open } from "glm52.ts/node";

const [, , folder, nRounds, closes] = process.argv;
const kept = [];
for (let round = 1; round <= Number(nRounds); round++) {
  const glm = await open(folder, { threads: 2 });
  for await (const piece of glm.generate("Once", { maxTokens: 4 }));
  if (closes === "closes") await glm.close();
  else kept.push(glm);
  if (![1, 20, Number(nRounds)].includes(round)) continue;
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    gc();
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  const [threads, files] = ["task", "fd"].map((name) => readdirSync("/proc/self/" + name).length);
  console.log(JSON.stringify({ round, threads, files, rss, bytes: heapUsed + external }));
}
process.exit();
`;

interface State {
  readonly round: number;
  readonly threads: number;
  readonly files: number;
  /** Memory that the system has given, and what JavaScript uses of it. */
  readonly rss: number;
  readonly bytes: number;
}

/** Without V8's best compiler, whose code grows for some hundred rounds and hides what is ours. */
const NODE = [process.execPath, "--expose-gc", "--no-opt"] as const;

/** The demo model in 4 bits: without that compiler, looking at bytes is slow, and it has the fewest. */
const folder = join(scratchFolder(), "q4");
beforeAll(async () => {
  expect((await glm52(["quantize", DEMO_MODEL, folder, "--to", "q4"])).code).toBe(0);
});

async function rounds(n: number, closes: "closes" | "keeps"): Promise<readonly State[]> {
  const printed = await run(NODE, [write("rounds.js", ROUNDS), folder, String(n), closes]);
  return printed
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

it("sixty models, opened and closed, leave no thread, no file and no memory", async () => {
  const [first, twentieth, last] = await rounds(60, "closes");
  expect(last.round).toBe(60);
  expect(last.threads).toBeLessThanOrEqual(first.threads);
  expect(last.files).toBeLessThanOrEqual(first.files);
  // Before the twentieth, V8 makes room for more young objects, once: 18 MB with or without us.
  expect(last.bytes / twentieth.bytes).toBeLessThan(1.022);
  expect(last.rss / twentieth.rss).toBeLessThan(1.04);
});

it("models that are not closed are seen: threads and memory", async () => {
  const [first, last] = await rounds(5, "keeps");
  expect(last.threads).toBe(first.threads + 4);
  expect(last.rss / first.rss).toBeGreaterThan(1.5);
});

it("everything that takes long can be broken off, and leaves nothing", async () => {
  expect(inject("compiled")).toBe("");
  const folder = mkdtempSync(join(tmpdir(), "glm52-abort-"));
  const { told, late } = JSON.parse(await run(HERE, ["strangers/out/abort.js", folder]));
  const ends = told.map(([name, end]: [string, unknown]) => [name, end]);
  expect(Object.fromEntries(ends)).toEqual({
    nothing: "done",
    open: "threw enough",
    "open, before it begins": "threw enough",
    generate: "aborted after 3 pieces",
    "generate, in its prompt": "aborted",
    chat: "aborted, 2 messages",
    score: "threw enough",
    trace: "threw enough",
    quantize: "threw enough",
    "quantize, while it compares": "threw enough",
    exportModel: "threw enough",
  });
  const [, , before] = told[0];
  expect(before.written).toEqual([]);
  for (const [name, , left] of told) expect([name, left]).toEqual([name, before]);
  expect(late).toMatch(/^threw /);
});
