import { describe, expect, it } from "vitest";
import { BEGIN, END, raceText, withRace } from "../../bench/peers/page-text.ts";
import { renderRatios } from "../../bench/peers/ratios-svg.ts";
import { parseResults } from "../../bench/peers/results.ts";

/** As run.ts writes it. llama.cpp did not run the longest prompt, and one engine has a name to escape. */
const CSV = `# date: 2026-12-01 03:00
# CPU: Some <CPU>, 2 cores
type,threads,what,engine,tokens/s,least,most,times llama.cpp,top-1,mean KL,median KL
q8,2,agreement,llama.cpp,,,,,73 %,3.0e-2,2.9e-3
q8,2,agreement,glm52.ts on v20.20.2,,,,,79 %,2.0e-2,1.2e-3
q8,1,prefill 128,llama.cpp,200.00,200.00,200.00,1.00,,,
q8,1,prefill 128,glm52.ts on v20.20.2,150.00,150.00,150.00,0.75,,,
q8,1,prefill 8192,llama.cpp,20.00,20.00,20.00,1.00,,,
q8,1,prefill 8192,glm52.ts on v20.20.2,69.00,69.00,69.00,3.45,,,
q8,1,prefill 32768,glm52.ts on v20.20.2,50.00,50.00,50.00,,,,
q8,2,decode at 0,llama.cpp,30.00,30.00,30.00,1.00,,,
q8,2,decode at 0,glm52.ts on v20.20.2,33.00,33.00,33.00,1.10,,,
q8,2,decode at 0,a & "b" <c>,6.00,6.00,6.00,0.20,,,
`;

const { about, rows } = parseResults(CSV);

/** The names of the elements of a document, in order. Throws where tags or entities are not as XML wants them. */
function elementsOf(xml: string): string[] {
  const [open, names]: [string[], string[]] = [[], []];
  const tag = /<(\/?)([a-z]+)((?: [a-zA-Z0-9-]+="[^"<]*")*)(\/?)>/g;
  const text = xml.replace(tag, (_, end: string, name: string, _attributes, empty: string) => {
    if (end === "/") expect(open.pop()).toBe(name);
    else names.push(name);
    if (end === "" && empty === "") open.push(name);
    return "";
  });
  expect(open).toEqual([]);
  expect(text).not.toMatch(/[<>]|&(?!(?:amp|lt|gt|quot);)/);
  return names;
}

describe("the picture of a race", () => {
  const svg = renderRatios(rows);

  it("is well-formed, and has a dot and a number for each ratio, and none for llama.cpp itself", () => {
    const names = elementsOf(svg);
    const numbers = [...svg.matchAll(/text-anchor="end">([\d.]+)</g)].map(([, number]) => number);
    expect(numbers).toEqual(["0.75", "3.45", "1.10", "0.20"]);
    const nSeries = 3;
    expect(names.filter((name) => name === "circle").length).toBe(numbers.length + 2 * nSeries);
  });

  it("puts faster dots further right, and equal speed on the line of 1", () => {
    const xOf = (ratio: string): number => {
      const row = rows.map((one) => ({ ...one, "times llama.cpp": ratio }));
      return Number(/<circle cx="(\d+)" cy="70"/.exec(renderRatios(row))?.[1]);
    };
    const line = Number(/class="one" x1="(\d+)"/.exec(renderRatios([]))?.[1]);
    expect(xOf("0.50")).toBeLessThan(line);
    expect(xOf("1.00")).toBe(line);
    expect(xOf("1.99")).toBeGreaterThan(line);
  });

  it("is known not to be well-formed when a name is not escaped", () => {
    expect(() => elementsOf(svg.replace("&lt;", "<"))).toThrow();
  });
});

describe("the tables of a race", () => {
  const text = raceText({ about, rows }, "picture.svg");

  it("answer each question with the numbers of the file", () => {
    const lines = text.split("\n");
    expect(lines).toContain("| q8 | prefill 8192 | 3.45 |");
    expect(lines).toContain("| q8 | decode at 0 | 1.10 | 0.20 |");
    expect(lines).toContain("| q8 | prefill 8192 | 50.0 | 14.5 |");
    expect(lines).toContain("| q8 | prefill 32768 | – | 20.0 |");
    expect(lines).toContain("| q8 | glm52.ts on v20.20.2 | 2.0e-2 | 1.2e-3 |");
    expect(lines).toContain("- CPU: Some <CPU>, 2 cores");
  });

  it("replace those of the last race, and nothing else of the page", () => {
    const page = `before\n${BEGIN}\nold\n${END}\nafter\n`;
    const made = withRace(page, { about, rows }, "picture.svg");
    expect(made).toBe(`before\n${BEGIN}\n\n${text}\n${END}\nafter\n`);
    expect(withRace(made, { about, rows }, "picture.svg")).toBe(made);
    expect(() => withRace("no page", { about, rows }, "picture.svg")).toThrow(/expected the lines/);
  });
});
