/** A link opens the view that it was made of, and says what of it means nothing. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  LANGUAGES,
  LONGEST_TEXT,
  type Place,
  readPlace,
  SCENES,
  writePlace,
} from "../../../../tools/explorer/page/url.ts";

const position = fc.option(fc.nat(9_999_999), { nil: undefined });
const places = fc
  .record({
    scene: fc.constantFrom(...SCENES),
    t: position,
    layer: position,
    row: position,
    expert: position,
    what: fc.option(fc.uniqueArray(fc.stringMatching(/^[a-z0-9-]{1,9}$/), { maxLength: 3 }), {
      nil: undefined,
    }),
    lang: fc.constantFrom(...LANGUAGES),
    example: fc.option(fc.stringMatching(/^[a-z]{1,12}$/), { nil: undefined }),
    text: fc.option(fc.string({ unit: "grapheme", maxLength: 60 }), { nil: undefined }),
    guided: fc.constantFrom(true, undefined),
  })
  // An empty list and an empty text are not worth a part of a link.
  .map((place) => ({
    ...place,
    what: place.what?.length === 0 ? undefined : place.what,
    text: place.text === "" ? undefined : place.text,
  }));

const defined = (place: object): Place =>
  Object.fromEntries(Object.entries(place).filter(([, value]) => value !== undefined));

describe("a link", () => {
  it("is read back as the place that it was made of", () => {
    fc.assert(
      fc.property(places, (place) => {
        const { place: back, unread } = readPlace(writePlace(defined(place)));
        expect(back).toEqual(defined(place));
        expect(unread).toEqual([]);
      }),
    );
  });

  it("has names that people can read", () => {
    const place: Place = { scene: "choose", t: 3727, layer: 6, what: ["g14", "dense"], lang: "zh" };
    expect(writePlace(place)).toBe("#s=choose&t=3727&l=6&what=g14,dense&lang=zh");
  });

  it("of any kind is taken without an error, and each part is followed or named", () => {
    fc.assert(
      fc.property(fc.string(), (hash) => {
        const { place, unread } = readPlace(hash);
        expect(Object.keys(place).length + unread.length).toBeLessThanOrEqual(
          [...new URLSearchParams(hash.replace(/^#/, ""))].length,
        );
      }),
    );
    expect(readPlace("#s=nowhere&t=-1&l=6&x=<script>").unread).toEqual([
      "s=nowhere",
      "t=-1",
      "x=<script>",
    ]);
    expect(readPlace("#__proto__=1&constructor=2").unread).toHaveLength(2);
  });

  it("leaves out a text that is too long, or that has a lone surrogate", () => {
    expect(writePlace({ text: "a".repeat(LONGEST_TEXT) })).toContain("text=");
    expect(writePlace({ text: "a".repeat(LONGEST_TEXT + 1) })).toBe("");
    expect(writePlace({ text: "字".repeat(LONGEST_TEXT / 2) })).toBe("");
    expect(writePlace({ text: "\ud800" })).toBe("");
  });
});
