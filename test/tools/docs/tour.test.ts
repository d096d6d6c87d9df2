/** docs/tour.md is made by the engine: here it is made again. `npm run docs:tour` writes it. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { LAYER_STAGES, MODEL_STAGES } from "../../../engine/index.ts";
import { sourceLines } from "../../../tools/docs/source-lines.ts";
import { TOUR_TEXT, tour } from "../../../tools/docs/tour.ts";
import { open } from "../../../tools/node/index.ts";
import { DEMO_MODEL, ROOT } from "../../support/paths.ts";

const findLines = await sourceLines(join(ROOT, "engine/model"));

test("the tour is what the engine computes today", async () => {
  const glm = await open(DEMO_MODEL, { backend: "reference" });
  const text = tour(glm, TOUR_TEXT, findLines);
  await glm.close();
  for (const stage of [...LAYER_STAGES, ...MODEL_STAGES]) {
    expect(text).toContain(`### ${stage}\n`);
  }
  await expect(text).toMatchFileSnapshot(join(ROOT, "docs/tour.md"));
});

test("a stage without a line of its own in the model is an error", async () => {
  const elsewhere = await sourceLines(join(ROOT, "engine/kv"));
  expect(() => elsewhere("qr")).toThrow("qr: expected one line with its tap");
});
