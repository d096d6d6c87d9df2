/** docs/many-texts.svg shows a real schedule. `npm run docs:crowd` writes it. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { crowdPicture, scene } from "../../../tools/docs/crowd-picture.ts";
import { openModel } from "../../../tools/node/open.ts";
import { DEMO_MODEL, ROOT } from "../../support/paths.ts";
import { read } from "./markdown.ts";

test("the picture is what the scheduler does today, and the chapter says what it shows", async () => {
  const { model, close } = await openModel(DEMO_MODEL, { threads: 1 });
  const shown = scene(model);
  await close();
  await expect(crowdPicture(shown)).toMatchFileSnapshot(join(ROOT, "docs/many-texts.svg"));
  const cached = shown.begun.map(({ cached }) => cached);
  expect(cached).toEqual([0, 0, 0, 192, 0, 192]);
  expect(read("docs/many-texts.md")).toContain("](many-texts.svg)");
});
