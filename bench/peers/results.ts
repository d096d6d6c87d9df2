/**
 * Reads the CSV file that a race wrote.
 *
 * Next: ratios-svg.ts, page-text.ts
 * @module
 */

/** The cells of a row by their columns, all of them as they stand in the file. */
export interface Result {
  readonly type: string;
  readonly threads: string;
  readonly what: string;
  readonly engine: string;
  readonly "tokens/s": string;
  readonly "times llama.cpp": string;
  readonly "top-1": string;
  readonly "mean KL": string;
  readonly "median KL": string;
}

/** A whole file. */
export interface Results {
  /** Machine, versions and options. */
  readonly about: readonly (readonly [name: string, value: string])[];
  readonly rows: readonly Result[];
}

/** The engine that the others are compared with. */
export const MEASURE = "llama.cpp";

/** Reads a file. */
export function parseResults(csv: string): Results {
  const lines = csv.split("\n").filter((line) => line !== "");
  const about = lines.flatMap((line): [string, string][] => {
    const [, name, value] = /^# ([^:]+): (.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value]];
  });
  const [head, ...rest] = lines
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.split(","));
  const rows = rest.map(
    (cells) => Object.fromEntries(head.map((column, i) => [column, cells[i] ?? ""])) as never,
  );
  return { about, rows };
}

/** What is compared with llama.cpp: an engine with a number of threads. */
export interface Series {
  readonly engine: string;
  readonly threads: string;
}

/** All series of the rows that have a ratio, in the order of the file. */
export function seriesOf(rows: readonly Result[]): Series[] {
  const seen = new Map<string, Series>();
  for (const { engine, threads } of rows.filter(isCompared)) {
    seen.set(`${engine} ${threads}`, { engine, threads });
  }
  return [...seen.values()];
}

/** Whether a row has a ratio to llama.cpp, and is not llama.cpp itself. */
export function isCompared(row: Result): boolean {
  return row["times llama.cpp"] !== "" && row.engine !== MEASURE;
}

/** The name of a series for people. */
export function nameOf({ engine, threads }: Series): string {
  return `${engine.replace("glm52.ts on v", "Node ")}, ${threads} thread${threads === "1" ? "" : "s"}`;
}

/** The row of a series for one type and one task. */
export function find(
  rows: readonly Result[],
  { engine, threads }: Series,
  { type, what }: Pick<Result, "type" | "what">,
): Result | undefined {
  return rows.find(
    (row) =>
      row.engine === engine && row.threads === threads && row.type === type && row.what === what,
  );
}

/** The types and tasks of rows, each once. */
export function questionsOf(rows: readonly Result[]): Pick<Result, "type" | "what">[] {
  const seen = new Map(rows.map(({ type, what }) => [`${type} ${what}`, { type, what }]));
  return [...seen.values()];
}
