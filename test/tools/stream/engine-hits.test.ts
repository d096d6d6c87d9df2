/** The engine's own cache of experts has the hits that a replay of its routes says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Session } from "../../../engine/generate/session.ts";
import { streamedWeights } from "../../../engine/stream/streamed-weights.ts";
import { memoryFiles } from "../../../engine/weights/byte-source.ts";
import { openCheckpoint } from "../../../engine/weights/checkpoint.ts";
import { matchTensors } from "../../../engine/weights/match-tensors.ts";
import { openConfig } from "../../../tools/node/open-config.ts";
import { replay } from "../../../tools/stream/replay.ts";
import { RouteRecorder } from "../../../tools/stream/route-recorder.ts";
import { fastOps } from "../../engine/ops/wasm/wasm.ts";
import { lazyStore } from "../../support/lazy-store.ts";
import { DEMO_MODEL } from "../../support/paths.ts";
import { randomTokens } from "../../support/random.ts";

const FILE = "model.safetensors";
const files = { [FILE]: new Uint8Array(readFileSync(join(DEMO_MODEL, FILE))) };
const { config } = await openConfig(DEMO_MODEL);
const checkpoint = await openCheckpoint(memoryFiles(files));

/** Slots besides those that layers keep, through which all other experts pass. */
const RING = 8;

/** Runs a text with so many slots for each layer: what the engine counts, and what replays say. */
async function run(slots: number, chunk: number) {
  const ops = await fastOps();
  const sources = { checkpoint, store: lazyStore(files, slots) };
  const options = { bytes: 2 ** 30, expertsPerLayer: slots };
  const matched = matchTensors(config, checkpoint, "skip");
  const weights = streamedWeights(ops, config, sources, matched, options);
  const recorder = new RouteRecorder(config);
  const session = new Session({ ops: weights.ops, config, weights }, { taps: recorder, chunk });
  session.appendAll(randomTokens(60, 1000, 1));
  session.close();
  weights.close();
  const { asked, hits } = weights.counts();
  const about = { engine: "", model: "", tokensSha256: "", prefillTokens: 0 };
  const replayed = replay(recorder.trace(about), {
    policies: ["lru"],
    scopes: ["layer"],
    slots: [slots, slots + RING],
  });
  const [least, most] = replayed.caches.map(({ decode }) => decode);
  return { asked, hits, least, most };
}

test.each([
  [1, 1],
  [4, 1],
  [4, 5],
])("exactly: %d experts of each layer, steps of %d tokens", async (slots, chunk) => {
  const { asked, hits, least, most } = await run(slots, chunk);
  expect({ visits: asked, hits }).toEqual(least);
  expect(hits).toBeGreaterThan(200);
  expect(hits).toBeLessThan(most.hits);
});

test("and some more where layers miss so little that they do not use up what passes through", async () => {
  const { asked, hits, least, most } = await run(12, 1);
  expect(asked).toBe(least.visits);
  expect(hits).toBeGreaterThanOrEqual(least.hits);
  expect(hits).toBeLessThanOrEqual(most.hits);
});
