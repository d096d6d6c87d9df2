/**
 * Compares encoding and start-up with `@huggingface/tokenizers`, and measures inputs on which a
 * careless tokenizer is slow. Their sizes double, and so should the times.
 *
 *     npm run bench:tokenizer
 *
 * `python bench/tokenizer/native.py FOLDER` measures the native Rust library on the same texts.
 * This file writes them to FOLDER if `$GLM52_BENCH_TEXT` names it.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { Tokenizer as Peer } from "@huggingface/tokenizers";
import { bench, describe } from "vitest";
import { GLM_5_2, readStories, readText, readUdhr, title } from "../../test/tokenizer/families.ts";
import { throughUtf8 } from "../../test/tokenizer/random-text.ts";
import { createTokenizer } from "../../tokenizer/index.ts";

const MIXED_BYTES = 4e6;
const options = { iterations: 3, time: 0, warmupIterations: 1, warmupTime: 0 };

describe.skipIf(GLM_5_2.skip !== undefined)(title(GLM_5_2), () => {
  if (GLM_5_2.skip !== undefined) return;
  const source = readText(GLM_5_2);
  const json = JSON.parse(source);
  const tokenizer = createTokenizer(json);
  const peer = new Peer(json, {});
  const texts = [...readUdhr(10_000), ...readStories(MIXED_BYTES)].map(throughUtf8);
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const { GLM52_BENCH_TEXT: folder } = process.env;
  if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/texts.json`, JSON.stringify(texts));
    writeFileSync(`${folder}/tokenizer.json`, source);
  }

  describe(`encode ${(bytes / 1e6).toFixed(1)} MB in some 500 languages`, () => {
    const all = (encode: (text: string) => unknown) => () => {
      for (const text of texts) encode(text);
    };
    bench(
      "glm52.ts",
      all((text) => tokenizer.encode(text)),
      options,
    );
    bench(
      "@huggingface/tokenizers",
      all((text) => peer.encode(text, { add_special_tokens: false })),
      options,
    );
  });

  describe("from the text of tokenizer.json to the first id", () => {
    bench("glm52.ts", () => void createTokenizer(source).encode("Hello"), options);
    bench(
      "glm52.ts, merges from ranks",
      () => void createTokenizer(source, { mergesFrom: "ranks" }).encode("Hello"),
      options,
    );
    bench(
      "@huggingface/tokenizers",
      () => void new Peer(JSON.parse(source), {}).encode("Hello"),
      options,
    );
  });

  const worst: Readonly<Record<string, (n: number) => string>> = {
    "one letter": (n) => "a".repeat(n),
    blanks: (n) => " ".repeat(n),
    "Chinese without punctuation": (n) => "港口很安静没有人告诉海鸥今天是星期日".repeat(n / 54),
    base64: (n) =>
      Buffer.from(Uint32Array.from({ length: n / 5.4 }, hash).buffer).toString("base64"),
  };
  for (const [name, make] of Object.entries(worst)) {
    describe(`1 MB of ${name}, and less`, () => {
      for (const size of [2 ** 20, 2 ** 19, 2 ** 18, 2 ** 17]) {
        const text = make(size);
        bench(`${size / 1024} KB`, () => void tokenizer.encode(text), options);
      }
    });
  }
});

function hash(_: unknown, i: number): number {
  return Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(i >>> 3, 0x85ebca6b);
}
