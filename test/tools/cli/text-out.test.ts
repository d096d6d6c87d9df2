/** Tests that nothing from outside can steer the terminal. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { harmless, textOut } from "../../../tools/cli/text-out.ts";
import { escaped } from "../../../tools/library/escape.ts";
import { oneLine } from "../../../tools/library/one-line.ts";
import { scratchFolder, TINY_MODEL } from "../../support/paths.ts";
import { glm52 } from "./fake-terminal.ts";

/** Characters that steer a terminal: all controls of ISO 6429 but newline and tab. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const STEERING = /[\0-\x08\x0b-\x1f\x7f-\x9f]/;

/** Sequences that set the clipboard, the title, a link, colours, the cursor; and their C1 forms. */
const ATTACKS = [
  "\x1b]52;c;cm0gLXJmIC8=\x07",
  "\x1b]0;root@bank\x1b\\",
  "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
  "\x1b[31m\x1b[2J\x1b[1;1H",
  "\x9b31m\x9d0;title\x9c",
  "ok\rglm52: all is well\x08\x08",
  "\x1bc\x0e\x7f\x00",
];

/** Texts with many control characters in them. */
const nasty = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(...ATTACKS, "\n", "\t", "\r\n", "\r"),
      fc.integer({ min: 0, max: 0x9f }).map((code) => String.fromCharCode(code)),
    ),
  )
  .map((parts) => parts.join(""));

describe("what comes from outside", () => {
  it("reaches a terminal without a control character, and loses none of its other characters", () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const shown = harmless(text);
        expect(shown).not.toMatch(STEERING);
        expect(harmless(shown)).toBe(shown);
        const printable = new RegExp(STEERING, "g");
        const signs = /[\u2400-\u2421]|\\x[89][0-9a-f]/g;
        expect(shown.replace(signs, "")).toBe(
          text.replaceAll("\r\n", "\n").replace(printable, "").replace(signs, ""),
        );
      }),
      { numRuns: 10_000 },
    );
  });

  it("reaches a pipe as it is, and a terminal harmless, by the same call", () => {
    for (const isTerminal of [false, true]) {
      let got = "";
      const out = textOut((text) => (got += text), { isTerminal });
      for (const text of ATTACKS) out.write(text);
      if (isTerminal) expect(got).not.toMatch(STEERING);
      else expect(got).toBe(ATTACKS.join(""));
    }
  });

  it("stays in its line in a sentence, and is not long", () => {
    fc.assert(
      fc.property(nasty, fc.integer({ min: 100, max: 300 }), (text, longest) => {
        const line = oneLine(text, longest);
        expect(line).not.toMatch(STEERING);
        expect(line).not.toMatch(/[\n\t\u2028\u2029\u202e]/);
        expect(line.length).toBeLessThanOrEqual(6 * longest);
      }),
    );
    expect(oneLine("x".repeat(1_000_000))).toMatch(/^x{1940}… \(1000000 characters in all\)$/);
    expect(oneLine("model.norm\nok: all stages")).toBe("model.norm\\x0aok: all stages");
  });

  it("may stand in XML: no character that a parser refuses", () => {
    fc.assert(
      fc.property(nasty, (text) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: what XML 1.0 forbids
        expect(escaped(text)).not.toMatch(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff<>"]/);
      }),
    );
    expect(escaped("a\x1b[0m & \x9b")).toBe("a\ufffd[0m &amp; \ufffd");
  });
});

describe("the program", () => {
  const folder = scratchFolder();

  it("shows the names of a hostile checkpoint without their effect", async () => {
    const model = join(folder, "model");
    mkdirSync(model);
    cpSync(join(TINY_MODEL, "config.json"), join(model, "config.json"));
    const name = `\x1b]52;c;eA==\x07\nglm52: all is well${"y".repeat(1_000_000)}`;
    const header = JSON.stringify({ [name]: { dtype: "F32", shape: [1], data_offsets: [0, 4] } });
    const bytes = Buffer.alloc(8 + header.length + 4);
    bytes.writeBigUInt64LE(BigInt(header.length));
    bytes.write(header, 8);
    writeFileSync(join(model, "model.safetensors"), bytes);
    for (const isTerminal of [false, true]) {
      const { code, stderr } = await glm52(["run", "--model", model, "--tokens", "1"], {
        isTerminal,
      });
      expect(code).toBe(1);
      expect(stderr.trimEnd()).not.toMatch(STEERING);
      expect(stderr.trimEnd()).not.toContain("\n");
      expect(stderr.length).toBeLessThan(10_000);
    }
  });

  it("shows a hostile text of an argument without its effect, and keeps it in a pipe", async () => {
    const argv = ["run", "--echo", "--max-tokens", "1", ATTACKS.join("")];
    const shown = await glm52(argv, { isTerminal: true });
    expect(shown.stdout).not.toMatch(STEERING);
    expect((await glm52(argv)).stdout.startsWith(ATTACKS.join(""))).toBe(true);
    const unknown = await glm52(["run", `--\x1b]0;x\x07`], { isTerminal: true });
    expect([unknown.code, STEERING.test(unknown.stderr)]).toEqual([2, false]);
  });
});
