/**
 * Tests of `glm52 golden witness model`: the model of a case, with a tokenizer that names tokens.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tokenNames } from "../../../../tools/golden/witness/token-names.ts";
import { CASES, scratchFolder } from "../../../support/paths.ts";
import { glm52 } from "../../cli/fake-terminal.ts";

const scratch = scratchFolder();
const write = (name: string, out: string) =>
  glm52(["golden", "witness", "model", "--case", name, "--out", out]);

describe("a case's model for a server", () => {
  it.each([
    ["tiny-all", 64],
    ["clear-bf16", 512],
  ])("%s: every file of the model, and %i tokens", async (name, nVocab) => {
    const out = join(scratch, name);
    expect((await write(name, out)).code).toBe(0);
    const files = [...readdirSync(join(CASES, name, "model")), "tokenizer.json"];
    expect(readdirSync(out).sort()).toEqual([...files, "tokenizer_config.json"].sort());
    const { model, added_tokens: added } = JSON.parse(
      readFileSync(join(out, "tokenizer.json"), "utf8"),
    );
    const ids = new Map<string, number>(Object.entries(model.vocab));
    for (const { content, id } of added) ids.set(content, id);
    expect([...ids.values()].sort((a, b) => a - b)).toEqual(
      Array.from({ length: nVocab }, (_, id) => id),
    );
    const nameOf = tokenNames(nVocab);
    for (const [text, id] of ids) expect(nameOf(text)).toBe(id);
  });

  it("does not write where something is", async () => {
    const { code, stderr } = await write("tiny-all", CASES);
    expect(stderr).toContain(`${CASES}: expected a new or empty folder`);
    expect(code).toBe(1);
  });
});
