/** Tests that rows which were kept on disk are those that would be made, and that no others are used. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { serveApp } from "../../../../tools/serve/app.ts";
import { serveFolder } from "../../../../tools/serve/engine/serve-folder.ts";
import { post } from "../../../support/serve.ts";

const folder = mkdtempSync(join(tmpdir(), "glm52-keep-"));
afterAll(() => rmSync(folder, { recursive: true }));

const PAGE_BYTES = 196_608; // of the demo model: 64 positions in f32
const LONG = "Once there was a fox, who had a friend, and the friend was a bird. ".repeat(9);

interface Answer {
  readonly choices: object[];
  readonly usage: { readonly prompt_tokens_details: { readonly cached_tokens: number } };
}

/** Starts a server, asks, and ends it. */
async function run(
  keepFile: string | undefined,
  texts: readonly string[],
  { maxPages = 40, latent = "f32" }: { maxPages?: number; latent?: "f32" | "int8" } = {},
) {
  const rowBytes = maxPages * PAGE_BYTES;
  const options = { open: { threads: 1 }, rows: { latent }, rowBytes, name: "demo", keepFile };
  const { desk, about } = await serveFolder(undefined, options);
  const app = serveApp(desk, { clock: false, anyModel: true });
  const answers: Answer[] = [];
  for (const prompt of texts) {
    const body = { prompt, max_tokens: 3, logprobs: 2, temperature: 1 };
    answers.push((await (await post({ app }, "/v1/completions", body)).json()) as Answer);
  }
  await desk.close(0);
  const cached = answers.map(({ usage }) => usage.prompt_tokens_details.cached_tokens);
  return { choices: answers.map(({ choices }) => choices), cached, kept: about.kept };
}

describe("rows that are kept on disk", () => {
  const texts = [`A ${LONG}`, `A ${LONG} And a wolf. ${LONG}`, `B ${LONG}`];
  const file = join(folder, "rows");

  it("give the same answers as rows that are made", async () => {
    const cold = await run(undefined, texts);
    expect(cold.kept).toBeUndefined();
    const first = await run(file, texts.slice(0, 2));
    expect(first.kept).toEqual({ nTokens: 0, inFile: 0 });
    const second = await run(file, texts);
    expect(second.choices).toEqual(cold.choices);
    expect([cold.cached[0], cold.cached[2], second.cached[2]]).toEqual([0, 0, 0]);
    expect(second.cached[0]).toBeGreaterThan(64);
    expect(second.cached[1]).toBeGreaterThan(cold.cached[1]);
    const third = await run(file, texts.slice(2));
    expect(third.cached[0]).toBeGreaterThan(64);
    expect(third.kept?.nTokens).toBe(third.kept?.inFile);
  });

  it("are as many as there is room for, the newest ones", async () => {
    const small = await run(file, texts.slice(2), { maxPages: 5 });
    expect(small.kept?.nTokens).toBeLessThan(small.kept?.inFile as number);
    expect(small.cached[0]).toBeGreaterThan(64);
  });

  it("are of this model and these numbers, and whole", async () => {
    await run(file, texts.slice(0, 1));
    const bytes = readFileSync(file);
    await expect(run(file, [], { latent: "int8" })).rejects.toThrow("expected rows of this model");
    const faults: [string, (copy: Buffer) => Buffer, string][] = [
      [
        "flipped",
        (copy) => {
          copy[copy.length - 5000] ^= 1;
          return copy;
        },
        "a file that has changed",
      ],
      [
        "header",
        (copy) => {
          copy[copy.indexOf('"tokens":[') + 10] ^= 1;
          return copy;
        },
        "changed",
      ],
      ["cut", (copy) => copy.subarray(0, -1), "a file that has changed"],
      ["longer", (copy) => Buffer.concat([copy, Buffer.from("0")]), "a file that has changed"],
      ["other", () => Buffer.from("{}\n"), "expected a file of kept rows"],
    ];
    for (const [name, change, message] of faults) {
      const other = join(folder, name);
      writeFileSync(other, change(Buffer.from(bytes)));
      await expect(run(other, [])).rejects.toThrow(message);
    }
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  it("say before all work when they cannot be written", async () => {
    await expect(run(join(folder, "none", "rows"), [])).rejects.toThrow("there is no folder");
  });
});
