/**
 * The table of a run. It is printed line by line, and written to a CSV file.
 * @module
 */
import { writeFileSync } from "node:fs";
import { stdout } from "node:process";
import { type Agreement, percent } from "./agreement.ts";
import { median } from "./protocol.ts";

const COLUMNS = [
  ["type", 5],
  ["threads", 7],
  ["what", 14],
  ["engine", 22],
  ["tokens/s", 9],
  ["least", 9],
  ["most", 9],
  ["times llama.cpp", 15],
  ["top-1", 6],
  ["mean KL", 9],
  ["median KL", 9],
] as const;

/** The rows of all races, and notes on the circumstances. */
export class Table {
  readonly #about: [name: string, value: string][] = [];
  readonly #rows: string[][] = [];
  readonly #path: string | undefined;

  constructor(about: readonly (readonly [string, string])[], path?: string) {
    this.#path = path;
    for (const [name, value] of about) this.#note(name, value);
    this.#print(COLUMNS.map(([name]) => name));
  }

  /** Notes the version of an engine, once. */
  engine(name: string, version: string): void {
    if (!this.#about.some(([known, value]) => known === name && value === version)) {
      this.#note(name, version);
    }
  }

  /** Adds a row that says how far an engine is from our f32 run. */
  agreement(type: string, threads: number, engine: string, found: Agreement): void {
    const cells = [found.meanKl, found.medianKl].map((kl) => kl.toExponential(1));
    this.#add([
      type,
      `${threads}`,
      "agreement",
      engine,
      "",
      "",
      "",
      "",
      percent(found.top1),
      ...cells,
    ]);
  }

  /**
   * Adds rows with the speeds of all engines, given pass by pass. The first engine is the measure. One
   * that would have taken too long has no speeds, and no row.
   */
  speeds(
    type: string,
    threads: number,
    what: string,
    engines: readonly string[],
    rates: readonly (readonly number[])[],
  ): void {
    engines.forEach((engine, i) => {
      if (rates[i].length === 0) return;
      const middle = median(rates[i]);
      const speeds = [middle, Math.min(...rates[i]), Math.max(...rates[i])];
      const cells = speeds.map((x) => x.toFixed(2));
      const ratio = rates[0].length === 0 ? "" : (middle / median(rates[0])).toFixed(2);
      this.#add([type, `${threads}`, what, engine, ...cells, ratio, "", "", ""]);
    });
  }

  #note(name: string, value: string): void {
    this.#about.push([name, value]);
    stdout.write(`# ${name}: ${value}\n`);
    this.#save();
  }

  #add(row: string[]): void {
    this.#rows.push(row);
    this.#print(row);
    this.#save();
  }

  #print(row: readonly string[]): void {
    const cells = COLUMNS.map(([, width], i) => row[i].padEnd(width));
    stdout.write(`${cells.join("  ").trimEnd()}\n`);
  }

  /**
   * Writes the CSV file. This is done after each row, so that an interrupted run leaves its rows.
   */
  #save(): void {
    if (this.#path === undefined) return;
    const about = this.#about.map(([name, value]) => `# ${name}: ${value}`);
    const rows = [COLUMNS.map(([name]) => name), ...this.#rows].map((row) => row.join(","));
    writeFileSync(this.#path, `${[...about, ...rows].join("\n")}\n`);
  }
}
