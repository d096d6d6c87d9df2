/** The tables behind the figures hold the numbers of the engine, all of them, bit for bit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  binned,
  columnOf,
  meanOfHeads,
  rankOf,
  WHOLE_TEXT,
  windowsOf,
} from "../../../../tools/explorer/page/bins.ts";
import {
  bestOf,
  denseTable,
  followRow,
  scoreTable,
} from "../../../../tools/explorer/page/figures.ts";
import { anotherEnd, endOf, forkOf } from "../../../../tools/explorer/page/fork.ts";
import { exact, numbersOf } from "../../../../tools/explorer/page/numbers.ts";
import { readRecorded } from "../../../../tools/explorer/page/recorded-answers.ts";
import { cellText, tableOf, tabSeparated } from "../../../../tools/explorer/page/tables.ts";
import { firesOn } from "../../../../tools/explorer/page/visits.ts";

const scores = fc
  .float32Array({ minLength: 1, maxLength: 90, noNaN: true, noDefaultInfinity: true })
  .map((all) => all.map((x) => (Object.is(x, -0) ? 0 : x)));

describe("a number of a table", () => {
  it("is read back as the same float32, and is the shortest such decimal", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (x) => {
        const text = exact(x);
        expect(Math.fround(Number(text))).toBe(Object.is(x, -0) ? 0 : x);
        expect(text.length).toBeLessThanOrEqual(String(x).length);
      }),
    );
    expect(exact(Math.fround(3.9))).toBe("3.9");
    expect(exact(0.1)).toBe("0.1");
  });

  it("is left empty where there is none", () => {
    expect(cellText(undefined)).toBe("");
    expect(tabSeparated(tableOf(["a", "b"], [[1, "x\ty"]]))).toBe("a\tb\n1\tx y\n");
  });
});

describe("the table of scores", () => {
  it("has each position once, with its score, from the best to the worst", () => {
    fc.assert(
      fc.property(scores, (all) => {
        const chosen = bestOf(all, 8);
        const table = scoreTable(all, chosen, ["rank", "position", "score", "chosen"]);
        const rows = Array.from({ length: table.count }, (_, i) => table.row(i));
        expect(rows.map(([, s]) => s).toSorted((a, b) => Number(a) - Number(b))).toEqual(
          Array.from(all, (_, s) => s),
        );
        for (const [rank, s, score, mark] of rows) {
          expect(score).toBe(all[Number(s)]);
          expect(rank).toBe(rankOf(all, Number(s)));
          expect(mark === "✓").toBe(Number(rank) <= 8);
        }
      }),
    );
  });

  it("chooses the smaller position of equal scores, as the engine does", () => {
    expect([...bestOf([1, 2, 2, 2, 0], 2)]).toEqual([1, 2]);
    expect(rankOf([1, 2, 2], 2)).toBe(2);
  });
});

describe("a strip", () => {
  it("shows the largest number of each column, and no position is lost", () => {
    fc.assert(
      fc.property(scores, fc.integer({ min: 1, max: 40 }), (all, room) => {
        const { count, most, at } = binned(all, room);
        expect(count).toBe(Math.min(all.length, room));
        expect(Math.max(...most)).toBe(Math.max(...all));
        all.forEach((x, s) => {
          const column = columnOf(s, all.length, count);
          expect(x).toBeLessThanOrEqual(most[column]);
          expect(all[at[column]]).toBe(most[column]);
        });
      }),
    );
  });
});

describe("the windows of a text", () => {
  it("hold the query, the row and the marked rows, in order and apart", () => {
    const length = WHOLE_TEXT * 5;
    const place = fc.nat(length - 1);
    fc.assert(
      fc.property(place, place, fc.array(place, { maxLength: 9 }), (t, row, marked) => {
        const windows = windowsOf({ t, length, row, marked });
        for (const s of [t, row, ...marked]) {
          expect(windows.some(({ from, to }) => from <= s && s < to)).toBe(true);
        }
        windows.forEach(({ from, to }, i) => {
          expect(from).toBeGreaterThan(i === 0 ? -1 : windows[i - 1].to);
          expect(to).toBeLessThanOrEqual(length);
        });
      }),
    );
    expect(windowsOf({ t: 3, length: 9, row: 1, marked: [] })).toEqual([{ from: 0, to: 9 }]);
  });
});

describe("the weights of heads", () => {
  it("stand in the table as the engine gave them", () => {
    const weights = Float32Array.of(0.5, 0.25, 0.25, 0, 0.125, 0.875);
    const marks = { chosen: new Set([2]), lost: new Set([1]) };
    const head = ["position", "chosen", "head 0", "head 1"];
    const table = denseTable(
      { t: 2, layer: 6, weights, mass: [], lost: Int32Array.of(1) },
      2,
      marks,
      head,
    );
    expect(table.row(0)).toEqual([2, "✓", 0.25, 0.875]);
    expect(table.row(2)).toEqual([1, "✗", 0.25, 0.125]);
    expect([...meanOfHeads(weights, 2)]).toEqual([0.25, 0.1875, 0.5625]);
  });

  it("follow a row from its lender to those who read it", () => {
    const empty = { threshold: undefined, indexWeights: undefined, latent: undefined };
    const rest = { ...empty, rotaryKey: undefined, router: undefined, lens: undefined };
    const chosen = Int32Array.of(1, 4);
    const rows = followRow(
      [
        {
          layer: 0,
          scores: Float32Array.of(0, 3, 1, 2, 9),
          chosen,
          weights: Float32Array.of(1, 0, 0.5, 0.5),
          ...rest,
        },
        {
          layer: 1,
          scores: undefined,
          chosen,
          weights: Float32Array.of(0.25, 0.75, 0, 1),
          ...rest,
        },
      ],
      [0, 0],
      1,
    );
    expect(rows[0]).toMatchObject({ rank: 2, score: 3, isChosen: true, weight: 0.75, most: 1 });
    expect(rows[1]).toMatchObject({ lender: 0, rank: 2, weight: 0.125, most: 0.25 });
  });
});

describe("the tokens of an expert", () => {
  it("are those that visit it, and kinds that say nothing are left out", () => {
    const words = ["a", "b", "a", "b", "c"].map((text, id) => ({ id, text }));
    const chosen = [undefined, Uint8Array.of(0, 1, 2, 3, 0, 1, 2, 3, 2, 3)];
    const { kinds, positions } = firesOn({ perToken: 2, chosen }, words, 1, 0);
    expect(positions).toEqual([0, 2]);
    expect(kinds).toEqual([{ text: "a", visits: 2, of: 2 }]);
    expect(firesOn({ perToken: 2, chosen }, words, 0, 0).positions).toEqual([]);
  });
});

describe("the second text", () => {
  it("differs from the first one at its end alone", () => {
    const text = `${"A dog ran home. ".repeat(40)}What did Mia say? The word of Mia is`;
    const fork = forkOf(text);
    expect(fork).not.toBe(text);
    const kept = text.length - endOf(text).length;
    expect(fork.slice(0, kept)).toBe(text.slice(0, kept));
    expect(anotherEnd("so Mia went")).toBe("so Tom went");
    expect(anotherEnd("so Tom went")).toBe("so Sue went");
    expect(anotherEnd("no name here")).not.toBe("no name here");
  });
});

describe("recorded answers", () => {
  it("are found by name and question, with their arrays", () => {
    const bytes = new Uint8Array(Float32Array.of(1.5, -2).buffer);
    const data = btoa(String.fromCharCode(...bytes));
    const answer = { layers: [], top: [], logits: { $: "f32", data } };
    const json = JSON.stringify({ entries: [{ name: "look", ask: { t: 4 }, answer }] });
    const recorded = readRecorded(json);
    expect(recorded.find("look", { t: 4 })?.logits).toEqual(Float32Array.of(1.5, -2));
    expect(recorded.find("look", { t: 5 })).toBeUndefined();
    expect(recorded.find("look")).toBeDefined();
    expect(recorded.find("votes", { t: 4, layer: 6 })).toBeUndefined();
  });
});

describe("numbers for the eye", () => {
  it("have the marks of the language", () => {
    const [en, zh] = [numbersOf("en"), numbersOf("zh")];
    expect([en.rank(1), en.rank(2), en.rank(13), en.rank(3727)]).toEqual([
      "1st",
      "2nd",
      "13th",
      "3,727th",
    ]);
    expect(zh.rank(1)).toBe("第 1");
    expect(en.percent(0.8446)).toBe("84 %");
    expect(en.percent(0.000123)).toBe("0.012 %");
    expect(en.percent(0.00000123)).toBe("under 0.001 %");
    expect(en.percent(0)).toBe("0 %");
    expect(en.bytes(94_200_000_000)).toBe("94.2 GB");
    expect(en.short(-1.3512)).toBe("−1.35");
    expect(en.short(-0.00018)).toBe("−1.8·10⁻⁴");
  });
});
