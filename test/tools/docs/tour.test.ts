/** docs/tour.md is made by the engine: here it is made again. `npm run docs:tour` writes it. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { LAYER_STAGES, MODEL_STAGES } from "../../../engine/index.ts";
import { sourceLines } from "../../../tools/docs/source-lines.ts";
import { tour } from "../../../tools/docs/tour.ts";
import { open } from "../../../tools/node/index.ts";
import { DEMO_MODEL, ROOT } from "../../support/paths.ts";

/** The girl's name is asked for 70 tokens after it was said. */
const TEXT =
  "Once upon a time, there was a little girl named Amy. She was a very happy girl. " +
  "One day, she went to the park to play. At the park, there was a big slide. " +
  'A boy named Tom came and said, "Do you want to play with me?" She said yes. ' +
  "They played on the slide all day and had a lot of fun. They were very happy. Tom and";

const findLines = await sourceLines(join(ROOT, "engine/model"));

test("the tour is what the engine computes today", async () => {
  const glm = await open(DEMO_MODEL, { backend: "reference" });
  const text = tour(glm, TEXT, findLines);
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
