/** Tests of the progress line and of the texts of errors. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ArgumentError } from "../../../engine/index.ts";
import { explain } from "../../../tools/cli/explain.ts";
import { progressLine } from "../../../tools/cli/progress.ts";
import { type TerminalEnvironment, textOut } from "../../../tools/cli/text-out.ts";
import { UserError } from "../../../tools/node/user-error.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** The texts that are drawn when work of 1000 steps takes `milliseconds`. */
function drawn(isTerminal: boolean, milliseconds: number, env: TerminalEnvironment = {}): string {
  let text = "";
  const out = textOut((piece) => (text += piece), { isTerminal, env });
  const progress = progressLine(out, "loading");
  for (let done = 1; done <= 1000; done++) {
    vi.advanceTimersByTime(milliseconds / 1000);
    progress.update(done, 1000);
  }
  progress.end();
  return text;
}

describe("the progress line", () => {
  it("shows nothing for short work, or where there is no terminal", () => {
    expect(drawn(true, 200)).toBe("");
    expect(drawn(false, 60_000)).toBe("");
    expect(drawn(true, 60_000, { TERM: "dumb" })).toBe("");
  });

  it("is redrawn in one place a few times and wiped at the end", () => {
    const text = drawn(true, 1000);
    expect(text.split("\r\x1b[2K").slice(1)).toHaveLength(9); // eight drawings and the wipe
    expect(text.startsWith("\r\x1b[2Kloading 30 %")).toBe(true);
    expect(text.endsWith("\r\x1b[2K")).toBe(true);
    expect(text).not.toContain("\n");
  });
});

describe("errors", () => {
  it("of the user are one sentence", () => {
    expect(explain(new UserError("model", "there is none"))).toBe("model: there is none");
    expect(explain(new ArgumentError("layer 9", "expected 0 … 5"))).toBe("layer 9: expected 0 … 5");
  });

  it("of the program show where they come from", () => {
    expect(explain(new TypeError("x is undefined"))).toMatch(
      /^unexpected TypeError: x is undefined\n {4}at /,
    );
    expect(explain(new RangeError("Invalid array length"))).toMatch(
      /^unexpected RangeError: .*\n {4}at /,
    );
    expect(explain("thrown")).toBe("unexpected thrown");
  });
});
