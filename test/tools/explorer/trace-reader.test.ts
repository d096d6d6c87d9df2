/** A trace file is looked into part by part, gives the rows of its tokens, and fails with a sentence. */
import { beforeAll, describe, expect, it } from "vitest";
import { type NamedTensor, referenceOps, trace, traceFile } from "../../../engine/index.ts";
import { blobSource, TraceReader } from "../../../tools/explorer/live/trace-reader.ts";
import type { TraceFacts } from "../../../tools/explorer/messages.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { startLive } from "./support.ts";

const TOKENS = [5, 17, 3, 9, 30, 11, 2, 4, 8, 21];
const ORIGIN = {
  engineVersion: "0",
  model: "tiny",
  configSha256: "0",
  precision: "f32",
  latentEps: 1e-6,
  tokens: TOKENS,
  command: "glm52 trace",
} as const;

let tensors: readonly NamedTensor[];
let bytes: Uint8Array<ArrayBuffer>;
beforeAll(() => {
  tensors = trace(tinyModel({}, referenceOps("f32")), { tokens: TOKENS });
  bytes = new Uint8Array(traceFile(tensors, ORIGIN));
});

const open = (part: Uint8Array<ArrayBuffer>) =>
  TraceReader.open(blobSource("x.safetensors", new Blob([part])));

describe("a trace", () => {
  it("is looked at like a live token", async () => {
    const live = startLive();
    const facts = await live.ask("trace", { file: new Blob([bytes]), name: "x.safetensors" });
    expect(facts).toMatchObject({
      tokens: TOKENS.length,
      ids: TOKENS,
      lacks: [],
    } satisfies Partial<TraceFacts>);
    expect(facts.stages.map(({ name }) => name)).toEqual(tensors.map(({ name }) => name));
    expect(facts.origin).toMatchObject({ command: "glm52 trace" });
    const full = facts.layers.filter(({ type }) => type === "full").map(({ layer }) => layer);
    for (const { layer, lender } of facts.layers)
      expect(lender).toBe(full.findLast((l) => l <= layer));
    const t = 6;
    const look = await live.ask("traceLook", { t });
    for (const { layer, scores, chosen, router, latent } of look.layers) {
      const row = (name: string) => {
        const found = tensors.find((tensor) => tensor.name === `${name}-${layer}`);
        const n = (found?.data.length ?? 0) / TOKENS.length;
        return found && [...found.data.subarray(t * n, (t + 1) * n)];
      };
      expect(scores && [...scores]).toEqual(row("indexer_score")?.slice(0, t + 1));
      expect(chosen && [...chosen]).toEqual(row("top_k")?.filter((s) => s >= 0));
      expect(latent && [...latent]).toEqual(row("kv_cmpr"));
      expect(router && [...router.logits]).toEqual(row("ffn_moe_logits"));
    }
    for (const { name, shape } of look.stages) {
      const of = tensors.find((tensor) => tensor.name === name)?.shape.slice(1);
      expect([name, ...shape]).toEqual([
        name,
        ...(name.startsWith("indexer_score") ? [t + 1] : (of ?? [])),
      ]);
    }
    expect(look.top[0].text).toBe(`#${look.top[0].id}`);
    await expect(live.ask("traceLook", { t: 10 })).rejects.toThrow(
      "position: expected 0 … 9, got 10",
    );
  });

  it("of many layers and few stages says what it lacks", async () => {
    const some = Array.from({ length: 78 }, (_, l): NamedTensor[] =>
      [0, 1, 2].includes(l) || l % 4 === 2
        ? [{ name: `indexer_score-${l}`, shape: [2, 2], data: Float32Array.of(1, -Infinity, 1, 2) }]
        : [{ name: `l_out-${l}`, shape: [2, 3], data: new Float32Array(6) }],
    ).flat();
    const reader = await open(new Uint8Array(traceFile(some, { ...ORIGIN, tokens: [1, 2] })));
    expect(reader.facts.layers).toHaveLength(78);
    expect(reader.facts.layers[77]).toMatchObject({ type: "shared", lender: 74 });
    expect(reader.facts.lacks).toContain("top_k");
    expect([...((await reader.at(0)).get("indexer_score-6")?.data ?? [])]).toEqual([1]);
  });

  it("is read part by part: of a large file only the rows that are asked for", async () => {
    let nRead = 0;
    const whole = blobSource("x", new Blob([bytes]));
    const reader = await TraceReader.open({
      ...whole,
      read: (offset, length) => {
        nRead += length;
        return whole.read(offset, length);
      },
    });
    const header = nRead;
    await reader.at(3);
    expect(nRead - header).toBeLessThan((bytes.length - header) / (TOKENS.length - 2));
  });
});

describe("another file", () => {
  const tensor = (
    name: string,
    shape: number[],
    data = new Float32Array(shape.reduce((a, b) => a * b, 1)),
  ) => ({
    name,
    shape,
    data,
  });
  it.each([
    ["nothing", () => new Uint8Array(0), /expected 8 bytes of header length/],
    ["text", () => new TextEncoder().encode("<script>alert(1)</script>"), /header/],
    ["a part of a trace", () => bytes.slice(0, bytes.length / 2), /bytes of data/],
    [
      "no stages",
      () => new Uint8Array(traceFile([], ORIGIN)),
      /expected stages like top_k-0, got none/,
    ],
    [
      "a tensor of one axis",
      () => new Uint8Array(traceFile([tensor("x", [4])], ORIGIN)),
      /expected rows of/,
    ],
    [
      "stages of other lengths",
      () => new Uint8Array(traceFile([tensor("a", [4, 1]), tensor("b", [3, 1])], ORIGIN)),
      /expected rows of 4 tokens as a has, got \[3, 1\]/,
    ],
  ] as [string, () => Uint8Array<ArrayBuffer>, RegExp][])(
    "with %s is refused with a sentence",
    async (_, part, sentence) => {
      const { ask } = startLive();
      const asked = ask("trace", { file: new Blob([part()]), name: "x" });
      await expect(asked).rejects.toMatchObject({
        isBug: false,
        message: expect.stringMatching(sentence),
      });
    },
  );
});
