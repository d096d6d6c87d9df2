/**
 * Writes the tables of a race for the page of measurements: one for each question.
 * @module
 */
import {
  find,
  isCompared,
  MEASURE,
  nameOf,
  questionsOf,
  type Result,
  type Results,
  type Series,
  seriesOf,
} from "./results.ts";

/** Between these lines of the page stands what a race measured. */
export const [BEGIN, END] = ["<!-- race: begin -->", "<!-- race: end -->"] as const;

/** The page with the tables of other results in it. */
export function withRace(page: string, results: Results, picture: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`the page: expected the lines ${BEGIN} and ${END}`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${raceText(results, picture)}\n${page.slice(to)}`;
}

/** What a race measured, in Markdown. */
export function raceText({ about, rows }: Results, picture: string): string {
  const of = (word: string): Result[] => rows.filter(({ what }) => what.startsWith(word));
  return [
    `![Speed of this engine, in times the speed of llama.cpp](${picture})`,
    "",
    ...about.map(([name, value]) => `- ${name}: ${value}`),
    "",
    "### How fast are tokens generated?",
    "",
    "Times llama.cpp. `decode at N` is one token at a time behind N others.",
    "",
    ...ratioTable(of("decode")),
    "",
    "### How fast is a prompt read?",
    "",
    "Times llama.cpp. `prefill N` is a prompt of N tokens.",
    "",
    ...ratioTable(of("prefill")),
    "",
    "### What does a token cost in a long prompt?",
    "",
    "Milliseconds for each token of a prompt, on the average. A dash is a prompt that would have taken longer",
    "than the limit.",
    "",
    ...costTable(of("prefill")),
    "",
    "### Do the engines run the same model?",
    "",
    "Distances from our run in f32 over 33 positions, in nats.",
    "",
    ...agreementTable(of("agreement")),
    "",
  ].join("\n");
}

function ratioTable(rows: readonly Result[]): string[] {
  const compared = rows.filter(isCompared);
  return table(compared, seriesOf(compared), (row) => row["times llama.cpp"]);
}

function costTable(rows: readonly Result[]): string[] {
  const names = new Map(
    rows.map(({ engine, threads }) => [`${engine} ${threads}`, { engine, threads }]),
  );
  return table(rows, [...names.values()], (row) => (1000 / Number(row["tokens/s"])).toFixed(1));
}

/** A row for each type and task, and a column for each series. */
function table(
  rows: readonly Result[],
  series: readonly Series[],
  cellOf: (row: Result) => string,
): string[] {
  const lines = questionsOf(rows).map((question) => {
    const cells = series.map((one) => {
      const row = find(rows, one, question);
      return row === undefined ? "–" : cellOf(row);
    });
    return [question.type, question.what, ...cells];
  });
  return markdown(["", "", ...series.map(nameOf)], lines);
}

function agreementTable(rows: readonly Result[]): string[] {
  const lines = rows.map((row) => [row.type, row.engine, row["mean KL"], row["median KL"]]);
  return markdown(["", `engine (${MEASURE} and ours)`, "mean KL", "median KL"], lines);
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, i) => (i < 2 ? "---" : "---:"));
  return [line(head), `|${rule.join("|")}|`, ...rows.map(line)];
}
