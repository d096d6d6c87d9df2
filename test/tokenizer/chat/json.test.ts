import { describe, expect, it } from "vitest";
import { type Json, JsonNumber, parseJson, pythonJson } from "../../../tokenizer/chat/index.ts";
import { pythonFloat, pythonStrip } from "../../../tokenizer/chat/python-json.ts";
import { TokenizerError } from "../../../tokenizer/index.ts";

describe("JSON text, as Python prints it again", () => {
  // Right column: json.dumps(json.loads(left), ensure_ascii=False) of CPython 3.11.
  it.each([
    ["2.0", "2.0"],
    ["2.50", "2.5"],
    ["1e20", "1e+20"],
    ["1E5", "100000.0"],
    ["1e16", "1e+16"],
    ["123456789012345678.0", "1.2345678901234568e+17"],
    ["9999999999999998.0", "9999999999999998.0"],
    ["0.0001", "0.0001"],
    ["0.00001", "1e-05"],
    ["1.5e-7", "1.5e-07"],
    ["5e-324", "5e-324"],
    ["1.7976931348623157e308", "1.7976931348623157e+308"],
    ["1e400", "Infinity"],
    ["-1e400", "-Infinity"],
    ["-0", "0"],
    ["-0.0", "-0.0"],
    ["-12.25", "-12.25"],
    ["12345678901234567890123", "12345678901234567890123"],
    ['{"10":1,"9":{"b":[],"a":{}}}', '{"10": 1, "9": {"b": [], "a": {}}}'],
    ['{"a":1,"b":2,"a":3}', '{"a": 3, "b": 2}'],
    [
      '"é\\u00e9\\/\\u001f\\n\\t\\b\\f\\r\\"\\\\ \\u2028\\u007f"',
      '"éé/\\u001f\\n\\t\\b\\f\\r\\"\\\\ \u2028\u007f"',
    ],
    ['"\\ud83e\\udd99\\ud83e"', '"🦙\ud83e"'],
    ['{"__proto__": 1, "": null}', '{"__proto__": 1, "": null}'],
    [" [ true , false , null ] ", "[true, false, null]"],
  ])("%s is %s", (text, printed) => {
    expect(pythonJson(parseJson(text))).toBe(printed);
  });

  it.each([
    ["", "JSON: line 1, column 1: expected a value, got the end"],
    ["{", "JSON: line 1, column 2: expected a key in quotes, got the end"],
    ["[1,]", 'JSON: line 1, column 4: expected a value, got "]"'],
    ['{"a" 1}', 'JSON: line 1, column 6: expected a colon, got "1"'],
    ["[\n 1\n 2]", 'JSON: line 3, column 2: expected a comma or ], got "2"'],
    ['"a\nb"', 'JSON: line 1, column 3: expected the end of the string, got "\\n"'],
    ['"\\x41"', 'JSON: line 1, column 3: expected an escape, got "x"'],
    ['"\\u12g4"', 'JSON: line 1, column 4: expected hex digits, got "1"'],
    ["01", 'JSON: line 1, column 2: expected the end, got "1"'],
    ["NaN", 'JSON: line 1, column 1: expected a value, got "N"'],
    ["True", 'JSON: line 1, column 1: expected a value, got "T"'],
    ["'a'", 'JSON: line 1, column 1: expected a value, got "\'"'],
    ["1 🦙", 'JSON: line 1, column 3: expected the end, got "🦙"'],
  ])("%j is refused", (text, message) => {
    expect(() => parseJson(text)).toThrow(TokenizerError);
    expect(() => parseJson(text)).toThrow(message);
  });

  it("is refused when nested too deep", () => {
    expect(() => parseJson("[".repeat(1_000_000))).toThrow("at most 500 levels");
  });
});

describe("JavaScript values", () => {
  it.each<[Json, string]>([
    [2, "2"],
    [0.5, "0.5"],
    [1e21, "1e+21"],
    [1e20, "100000000000000000000"],
    [1e-7, "1e-07"],
    [-0, "0"],
    [2n ** 64n, "18446744073709551616"],
    [new JsonNumber("2.0"), "2.0"],
    [{ a: [1, undefined as unknown as Json].slice(0, 1), b: "ü" }, '{"a": [1], "b": "ü"}'],
    [
      new Map([
        ["2", 1],
        ["1", 2],
      ]),
      '{"2": 1, "1": 2}',
    ],
  ])("%o is %s", (value, printed) => {
    expect(pythonJson(value)).toBe(printed);
  });

  it("of a float are the digits of repr", () => {
    expect([1, 100, 0.1, 1e15, 123.456, NaN].map(pythonFloat)).toEqual([
      ...["1.0", "100.0", "0.1", "1000000000000000.0", "123.456", "NaN"],
    ]);
  });
});

describe("strip", () => {
  it("takes away what Python takes for blank", () => {
    const blanks =
      "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000";
    expect(pythonStrip(`${blanks}a${blanks}b${blanks}`)).toBe(`a${blanks}b`);
    expect(pythonStrip(blanks)).toBe("");
    expect(pythonStrip("\ufeff\u200b\u180ea")).toBe("\ufeff\u200b\u180ea");
  });
});
