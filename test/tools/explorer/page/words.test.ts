/** Both languages say everything, and no sentence says a number that the engine computes. */
import { describe, expect, it } from "vitest";
import { en } from "../../../../tools/explorer/page/words/en.ts";
import { zh } from "../../../../tools/explorer/page/words/zh.ts";

type Leaf = readonly [path: string, value: unknown];

function leaves(value: unknown, path = ""): Leaf[] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([key, each]) => leaves(each, `${path}.${key}`));
}

/** What stands in the code of a function, without what it is handed. */
const prose = (value: unknown): string =>
  String(value)
    .replaceAll(/\$\{[^}]*\}/g, "")
    .replaceAll(/\[\d+\]/g, "");

/** Names, keys of this page, and lengths that are written in the source of the page. */
const NAMES = /GLM-5\.2|glm52|bf16|15 minutes|15 分钟|20 (more|行)|g\d\d|10,000|makes 0|变成 0/g;

describe("the words", () => {
  const [english, chinese] = [leaves(en), leaves(zh)];

  it("have the same keys and kinds in both languages", () => {
    expect(english.length).toBeGreaterThan(250);
    const kinds = (all: readonly Leaf[]): string[] => all.map(([path, x]) => `${path} ${typeof x}`);
    expect(kinds(chinese)).toEqual(kinds(english));
  });

  it("take the same arguments in both languages", () => {
    const counts = (all: readonly Leaf[]): string[] =>
      all.flatMap(([path, x]) => (typeof x === "function" ? [`${path} ${x.length}`] : []));
    expect(counts(chinese)).toEqual(counts(english));
    expect(counts(english).length).toBeGreaterThan(60);
  });

  it("are Chinese in the Chinese module", () => {
    const isForPeople = ([path, x]: Leaf): boolean =>
      typeof x === "string" && /[a-z]{4}/.test(x) && !/keys\.|placeholder|columns/.test(path);
    const left = chinese.filter(isForPeople).filter(([, x]) => !/\p{Script=Han}/u.test(String(x)));
    expect(left).toEqual([]);
  });

  it("hold no numbers of their own", () => {
    const numbered = [...english, ...chinese].filter(
      ([, x]) => typeof x === "string" || typeof x === "function",
    );
    const found = numbered.filter(([, x]) => /\d/.test(prose(x).replaceAll(NAMES, "")));
    const isCode = ([, x]: Leaf): boolean => /length === 0|\}, \(_, h\)/.test(String(x));
    expect(found.filter((leaf) => !isCode(leaf))).toEqual([]);
    expect(/\d/.test(prose("the best 64 positions"))).toBe(true);
  });
});
