/** docs/understand.md and its pictures are made again here. `npm run docs:understand` writes them. */
import * as files from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parseConfig } from "../../../engine/index.ts";
import { attentionOf } from "../../../tools/docs/understand/attend.ts";
import { withOutputs } from "../../../tools/docs/understand/experiments.ts";
import { PICTURES } from "../../../tools/docs/understand/pictures.ts";
import { readStory } from "../../../tools/docs/understand/story.ts";
import { SCHEDULES, tokenFlops } from "../../../tools/inspect/flops.ts";
import { kvBytesPerToken, kvRowBytes } from "../../../tools/inspect/sizes.ts";
import * as library from "../../../tools/node/index.ts";
import { GLM52 } from "../../engine/weights/configs.ts";
import { DEMO_MODEL, ROOT } from "../../support/paths.ts";
import { read } from "./markdown.ts";

const DOCUMENT = "docs/understand.md";
const MODULES = { "glm52.ts/node": library, "node:fs": files };

const glm = await library.open(DEMO_MODEL);
afterAll(() => glm.close());

const story = readStory(glm, read("docs/understand/secret.txt"));
const SOURCES = {
  glm,
  config: parseConfig(GLM52),
  story,
  attention: attentionOf(glm.model, story.ids),
  long: read("docs/understand/secret-long.txt"),
};

test("the experiments print what the text says", async () => {
  const text = await withOutputs(read(DOCUMENT), MODULES);
  await expect(text).toMatchFileSnapshot(join(ROOT, DOCUMENT));
});

test.each(Object.entries(PICTURES))(
  "the picture %s is the one that is drawn today",
  async (name, draw) => {
    const file = `docs/understand/${name}.svg`;
    const picture = await draw(SOURCES);
    await expect(picture).toMatchFileSnapshot(join(ROOT, file));
    expect(read(DOCUMENT)).toContain(`](understand/${name}.svg)`);
  },
);

test("another output, or an import of something else, would be caught", async () => {
  const text = (program: string, printed: string) =>
    `\`\`\`js\n${program}\n\`\`\`\n\n\`\`\`text\n${printed}\`\`\``;
  const sum = (printed: string) => text("console.log(1 + 1);", printed);
  expect(await withOutputs(sum("3\n"), MODULES)).toBe(sum("2\n"));
  const other = text('import { open } from "elsewhere";', "");
  await expect(withOutputs(other, MODULES)).rejects.toThrow("got an import of elsewhere");
});

test("the costs in the tables are those of plan", () => {
  const config = parseConfig(GLM52);
  const n = 2 ** 20;
  const [dense, every, shared] = SCHEDULES.map((schedule) => tokenFlops(config, schedule, n));
  const giga = (x: number, digits = 1) => (x / 1e9).toFixed(digits);
  const rows = config.numHiddenLayers * kvRowBytes(config, "bf16").latent;
  const kept = kvBytesPerToken(config, "bf16");
  const figures = [
    `${giga(shared.weights)} GFLOP`,
    `${giga(shared.indexer)} GFLOP`,
    `${giga(shared.attention)} GFLOP`,
    `**${giga(shared.total)} GFLOP**`,
    `${giga(shared.total, 0)} instead of ${giga(every.total, 0)} GFLOP`,
    `${(dense.attention / 1e12).toFixed(1)} TFLOP`,
    `${(every.indexer / 1e12).toFixed(2)} TFLOP`,
    `${giga(n * kept.latent)} GB`,
    `${giga(n * kept.index)} GB`,
    `${giga(rows * config.indexTopk, 2)} GB`,
    `${kept.latent.toLocaleString("en")} |`,
    `${kept.index.toLocaleString("en")} |`,
  ];
  const text = read(DOCUMENT).replaceAll("\n", " ");
  expect(figures.filter((figure) => !text.includes(figure))).toEqual([]);
});

test("the line of code that the text quotes is in the model", () => {
  const [, line] = /```ts\n(.+)\n```/.exec(read(DOCUMENT)) ?? [];
  expect(line).toContain("const chosen");
  expect(read("engine/model/layer.ts")).toContain(line);
});
