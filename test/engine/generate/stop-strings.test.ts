/** Tests that the result of stop strings does not depend on how the text was cut into pieces. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../../engine/base/errors.ts";
import { StopStrings } from "../../../engine/generate/stop-strings.ts";

/** The text that is passed on, piece by piece and at the end. */
function through(stops: readonly string[], pieces: readonly string[]): string {
  const filter = new StopStrings(stops);
  return pieces.map((piece) => filter.push(piece)).join("") + filter.flush();
}

describe("StopStrings", () => {
  test("lets text through up to the stop string, without it", () => {
    expect(through(["\n\n"], ["one", "\n\n", "two"])).toBe("one");
  });

  test("finds a stop string that is cut by pieces", () => {
    expect(through(["STOP"], ["a S", "TO", "P b"])).toBe("a ");
  });

  test("holds back what may be a beginning, and lets it through when it is not", () => {
    const filter = new StopStrings(["STOP"]);
    expect(filter.push("a ST")).toBe("a ");
    expect(filter.push("AR")).toBe("STAR");
    expect(filter.push("S")).toBe("");
    expect(filter.flush()).toBe("S");
  });

  test("a beginning inside a beginning: AAB in AAAB", () => {
    expect(through(["AAB"], ["A", "A", "A", "B", "C"])).toBe("A");
  });

  test("says when it has stopped, and lets nothing through after", () => {
    const filter = new StopStrings(["x"]);
    expect([filter.push("a"), filter.stopped]).toEqual(["a", false]);
    expect([filter.push("bxc"), filter.stopped]).toEqual(["b", true]);
    expect([filter.push("d"), filter.flush()]).toEqual(["", ""]);
  });

  test("without stop strings everything passes at once", () => {
    const filter = new StopStrings([]);
    expect([filter.push("abc"), filter.flush()]).toEqual(["abc", ""]);
  });

  test("an empty stop string is refused", () => {
    expect(() => new StopStrings(["a", ""])).toThrow(ArgumentError);
  });

  test("one stop string inside another: the one that is complete first ends the text", () => {
    expect(through(["abc", "b"], ["a", "b", "c"])).toBe("a");
    expect(through(["abc", "b"], ["abc"])).toBe("a");
  });

  const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 14 });
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 4 });

  test("any cut of the stream gives the text of the stream letter by letter", () => {
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 5 }),
        fc.array(word, { minLength: 1, maxLength: 3 }),
        (pieces, stops) => {
          expect(through(stops, pieces)).toBe(through(stops, [...pieces.join("")]));
        },
      ),
      { numRuns: 500, seed: 1 },
    );
  });

  test("with one stop string, the text ends where it first begins", () => {
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 5 }), word, (pieces, stop) => {
        expect(through([stop], pieces)).toBe(pieces.join("").split(stop)[0]);
      }),
      { numRuns: 500, seed: 2 },
    );
  });
});
