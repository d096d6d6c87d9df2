/** Tests of the forms of texts against regular expressions of JavaScript, and of numbers against numbers. */
import { describe, expect, test } from "vitest";
import { ConstraintError, type Random, seededRandom } from "../../../engine/index.ts";
import { checkRules } from "../../../tools/constrain/check-rules.ts";
import {
  type CodePoints,
  charactersOf,
  codePoints,
  utf8Ranges,
  without,
} from "../../../tools/constrain/code-points.ts";
import { constraintOf } from "../../../tools/constrain/constraint-of.ts";
import {
  choice,
  type Form,
  oneOf,
  type Rules,
  repeat,
  rule,
  sequence,
  text,
} from "../../../tools/constrain/forms.ts";
import { gbnfRules } from "../../../tools/constrain/gbnf.ts";
import { inString, quoted } from "../../../tools/constrain/json-forms.ts";
import { Machine, type State } from "../../../tools/constrain/machine.ts";
import { decimal, numberForm } from "../../../tools/constrain/number-form.ts";
import { patternForm } from "../../../tools/constrain/pattern.ts";
import { pick } from "./random-schemas.ts";
import { matchers } from "./replies.ts";

const encoder = new TextEncoder();

/** Whether a text has a form. */
function accepts(machine: Machine, bytes: Iterable<number>): boolean {
  let state: State | null = machine.start;
  for (const byte of bytes) {
    state = machine.step(state, byte);
    if (state === null) return false;
  }
  return state.isEnd;
}

const has = (set: CodePoints, code: number) => set.some(([from, to]) => code >= from && code <= to);
const machineOf = (root: Form, rules: Rules["rules"] = new Map()) =>
  new Machine(checkRules({ root, rules }, "test"), "test");
const acceptsText = (machine: Machine, text: string) => accepts(machine, encoder.encode(text));

describe("characters", () => {
  const random = seededRandom(1);
  const edges = [
    0, 1, 0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff,
  ];
  const point = () =>
    random() < 0.5 ? pick(edges, random) : Math.floor(random() * 0x110000 * random() ** 3);
  const set = (): CodePoints =>
    codePoints(
      ...Array.from({ length: 3 }, (): [number, number] => {
        const [a, b] = [point(), point()];
        return a < b ? [a, b] : [b, a];
      }),
    );
  const isScalar = (code: number) => code < 0xd800 || code > 0xdfff;

  test("of 300 random sets are the bytes that UTF-8 has for them, and no others", () => {
    for (let i = 0; i < 300; i++) {
      const own = set();
      const machine = machineOf(choice({ kind: "character", of: own }, text("x")));
      const near = own.flat().flatMap((code) => [code - 1, code, code + 1]);
      for (const code of [...near, ...edges, point()].filter((c) => c >= 0 && c < 0x110000)) {
        if (!isScalar(code)) continue;
        const want = has(own, code) || code === 0x78;
        expect(acceptsText(machine, String.fromCodePoint(code)), `${code}`).toBe(want);
      }
      const surrogate = [0xed, 0xa0, 0x80];
      expect(accepts(machine, surrogate)).toBe(false);
      expect(accepts(machine, [0xc1, 0x81])).toBe(false); // A, longer than need be
    }
  });

  test("of one set without another are in the first alone", () => {
    for (let i = 0; i < 100; i++) {
      const [a, b] = [set(), set()];
      for (const code of [...a.flat(), ...b.flat(), ...edges]) {
        expect(has(without(a, b), code)).toBe(has(a, code) && !has(b, code));
      }
    }
    expect(utf8Ranges(charactersOf("é"))).toEqual([
      [
        [0xc3, 0xc3],
        [0xa9, 0xa9],
      ],
    ]);
  });
});

/** A random form over few letters, and the regular expression that says the same. */
function randomForm(random: Random, depth: number): [Form, string] {
  const inner = () => randomForm(random, depth - 1);
  if (depth === 0 || random() < 0.2) {
    const letter = pick(["a", "b", "é", "ab"], random);
    return [text(letter), letter];
  }
  const [a, b] = [inner(), inner()];
  const kind = pick(["sequence", "choice", "repeat", "repeat"], random);
  if (kind === "sequence") return [sequence(a[0], b[0]), `${a[1]}${b[1]}`];
  if (kind === "choice") return [choice(a[0], b[0]), `(?:${a[1]}|${b[1]})`];
  const min = Math.floor(random() * 3);
  const max = random() < 0.4 ? undefined : min + Math.floor(random() * 3);
  return [repeat(a[0], min, max), `(?:${a[1]}){${min},${max ?? ""}}`];
}

test("300 random forms accept what the same regular expressions match", () => {
  const random = seededRandom(2);
  let nAccepted = 0;
  for (let i = 0; i < 300; i++) {
    const [form, pattern] = randomForm(random, 4);
    const read = patternForm(pattern, "test");
    const want = new RegExp(`^(?:${pattern})$`, "u");
    const machines = [machineOf(form), machineOf(read)];
    for (let k = 0; k < 20; k++) {
      const length = Math.floor(random() * 7);
      const letters = Array.from({ length }, () => pick(["a", "b", "é"], random)).join("");
      for (const machine of machines)
        expect(acceptsText(machine, letters), `${pattern} ${letters}`).toBe(want.test(letters));
      if (want.test(letters)) nAccepted++;
    }
  }
  expect(nAccepted).toBeGreaterThan(500);
});

const PATTERNS = [
  "a.c", "[^a-c]", "\\d+\\D", "\\w\\W", "\\s\\S", "[\\s\\d-]", "[-a]", "[a\\-z]", "[\\]\\\\^]",
  "x{0}", "x{2}y{0,1}", "(?<n>a)b", "(?:a|b)*?c", "\\u00e9\\x41\\u{1F999}", "\\.\\/[\\-]\\$", "^a|b$", "a||b", "",
  "[\\u{1F600}-\\u{1F64F}]", "[^]", "[]|a", "\\n\\t\\r\\f\\v\\0",
]; // biome-ignore format: a list

test.each(PATTERNS)("the pattern %s accepts what JavaScript matches", (pattern) => {
  const machine = machineOf(choice(patternForm(pattern, "test"), text("never")));
  const inJson = machineOf(choice(quoted(inString(patternForm(pattern, "test"))), text("never")));
  const want = new RegExp(`^(?:${pattern})$`, "u");
  const random = seededRandom(3);
  const signs = [...'abcxyzA-19_ \n\r\t\f\v\0\u2028\u00a0é"\\/.^]$🦙😀'];
  const samples = Array.from({ length: 200 }, () => {
    const length = Math.floor(random() * 4);
    return Array.from({ length }, () => pick(signs, random)).join("");
  });
  for (const one of [...FITTING, ...samples]) {
    expect(acceptsText(machine, one), JSON.stringify(one)).toBe(want.test(one));
    expect(acceptsText(inJson, JSON.stringify(one)), JSON.stringify(one)).toBe(want.test(one));
  }
});

const FITTING = ["xx", "xxy", "éA🦙", "./-$", "\n\t\r\f\v\0", "ab", "1a", "a-", " x"];

test.each([
  ["a(?=b)", "character 4"],
  ["(?<!a)b", "character 3"],
  ["a\\b", "character 3"],
  ["(a)\\1", "character 5"],
  ["\\p{L}", "character 2"],
  ["a{3,2}", "character 7"],
  ["(a", "character 3"],
  ["a)", "character 2"],
  ["*a", "character 1"],
  ["a$b", "character 2"],
  ["[b-a]", "character 5"],
  ["[\\d-z]", "character 6"],
  ["\\ud83d\\ude00", "character 7"],
  [`${"(".repeat(60)}a${")".repeat(60)}`, "character 52"],
])("the pattern %s is refused", (pattern, where) => {
  expect(() => patternForm(pattern, "test")).toThrow(ConstraintError);
  expect(() => patternForm(pattern, "test")).toThrow(`test: ${where}: expected`);
});

test("2,000 random numbers are between their limits, as numbers say", () => {
  const random = seededRandom(4);
  const make = () => {
    const digits = 10 ** Math.floor(random() * 5);
    return Math.round((random() - 0.5) * pick([4, 30, 300, 2e5], random) * digits) / digits;
  };
  const counts = { inside: 0, outside: 0 };
  for (let i = 0; i < 200; i++) {
    const isInteger = random() < 0.5;
    const [low, high] = [make(), make()].sort((a, b) => a - b) as [number, number];
    const [openLow, openHigh] = [random() < 0.5, random() < 0.5];
    const sides = pick(
      [
        [1, 1],
        [1, 0],
        [0, 1],
      ],
      random,
    );
    const limit = (x: number, isOpen: boolean) => ({ at: decimal(String(x)) ?? never(), isOpen });
    const form = numberForm(
      isInteger,
      sides[0] ? limit(low, openLow) : undefined,
      sides[1] ? limit(high, openHigh) : undefined,
    );
    const machine = machineOf(choice(form, text("never")));
    for (let k = 0; k < 10; k++) {
      const near =
        pick([low, high, make(), Math.trunc(low), 0], random) +
        pick([0, 1, -1, 0.001, -0.001, 0.5], random);
      const x = Math.round(near * 1e6) / 1e6;
      const isAbove = !sides[0] || x > low || (x === low && !openLow);
      const isBelow = !sides[1] || x < high || (x === high && !openHigh);
      const want = isAbove && isBelow && (!isInteger || Number.isInteger(x));
      counts[want ? "inside" : "outside"]++;
      const spelled = Object.is(x, -0) ? "0" : String(x);
      expect(
        acceptsText(machine, spelled),
        `${spelled} ${low} ${high} ${openLow} ${openHigh}`,
      ).toBe(want);
      expect(acceptsText(machine, `0${spelled}`)).toBe(false);
    }
  }
  expect(Math.min(counts.inside, counts.outside)).toBeGreaterThan(400);
});

function never(): never {
  throw new Error("a limit of a test has too many digits");
}

describe("grammars", () => {
  const read = (grammar: string) => {
    const { root, rules } = gbnfRules(grammar, "test");
    return machineOf(root, rules);
  };

  test("accept their texts", () => {
    const machine = read(`
      # a list
      root ::= "[" item ("," item)* "]"
      item ::= number | "\\"" [^"\\\\]{1,3} "\\"" | root | "\\u00e9\\x41"
      number ::= "-"? ("0" | [1-9] [0-9]*)
    `);
    for (const good of ["[0]", "[-12,3]", '["ab","é"]', "[[[éA]],1]"]) {
      expect(acceptsText(machine, good), good).toBe(true);
    }
    for (const bad of ["[]", "[01]", '["abcd"]', '[""]', "[1", "[1]]", "[1,]"]) {
      expect(acceptsText(machine, bad), bad).toBe(false);
    }
  });

  test("may have rules that end with themselves, as long as one likes", () => {
    const machine = read('root ::= "a" root | ""');
    expect(acceptsText(machine, "a".repeat(10_000))).toBe(true);
    const nested = read('root ::= "(" root ")" | "x"');
    expect(acceptsText(nested, `${"(".repeat(400)}x${")".repeat(400)}`)).toBe(true);
    expect(acceptsText(nested, `${"(".repeat(400)}x${")".repeat(399)}`)).toBe(false);
  });

  test.each([
    ["a ::= b", "expected a rule `root`, found none"],
    ["root ::= b", "expected a rule `b`, found none"],
    ['root ::= "a" (= "b")', "expected a group that does not look ahead"],
    ['root ::= root "a" | "a"', "begins with itself: root → root"],
    ['root ::= a\na ::= "x"? b | "y"\nb ::= a "c"', "begins with itself: a → b → a"],
    ['root ::= "a" root', "one that none has"],
    ['root ::= "a', "expected a character, got the end"],
    ['root ::= "a"\nroot ::= "b"', "expected each rule once, got root twice"],
    ['root ::= "\\q"', "expected an escape that is known"],
    ["root = a", "expected ::="],
    ["root ::= [a", "expected a character"],
    ['root ::= "a"{2', "expected }"],
  ])("like %s are refused", (grammar, what) => {
    expect(() => read(grammar)).toThrow(ConstraintError);
    expect(() => read(grammar)).toThrow(what);
  });
});

test("rules lose what no text can be", () => {
  const endless: Form = sequence(text("a"), rule("endless"));
  const rules = new Map([["endless", endless]]);
  const machine = machineOf(
    choice(rule("endless"), sequence(text("b"), repeat(rule("endless"), 0))),
    rules,
  );
  expect(machine.step(machine.start, 0x61)).toBeNull();
  expect(acceptsText(machine, "b")).toBe(true);
});

test("a form with very many readings is an error, not a wait", () => {
  const many = repeat(repeat(text("a"), 0, 4000), 0, 4000);
  expect(() => acceptsText(machineOf(many), "aaaa")).toThrow("can be read in too many ways");
  const pattern = "([^x]?[^y]?){0,900}";
  const spec = { kind: "text", grammar: { kind: "regex", pattern } } as const;
  expect(() => constraintOf(spec, matchers).allowed()).toThrow("it takes too long to find");
});

test("a machine that has forgotten its states goes on all the same", () => {
  const machine = machineOf(repeat(choice(text("a"), text("ab")), 2000, 2001));
  const counts = [1999, 2000, 2001, 2002].map((n) => acceptsText(machine, "a".repeat(n)));
  expect(counts).toEqual([false, true, true, false]);
  expect(acceptsText(machine, "ab".repeat(2000))).toBe(true);
});

test("one of many texts is each of them, and nothing else", () => {
  const random = seededRandom(5);
  for (let i = 0; i < 50; i++) {
    const make = () =>
      Array.from({ length: Math.floor(random() * 5) }, () =>
        pick(["a", "b", "é", "🦙", "😀"], random),
      ).join("");
    const texts = Array.from({ length: Math.floor(random() * 12) }, make);
    const machine = machineOf(choice(oneOf(texts), text("never")));
    for (const one of [...texts, make(), make(), make()]) {
      expect(acceptsText(machine, one), `${one} of ${texts}`).toBe(texts.includes(one));
    }
  }
});
