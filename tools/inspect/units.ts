/**
 * Numbers and lines of tables as a plan prints them.
 * @module
 */

/** A line of a table. */
export function row(label: string, cells: readonly string[], width = 13): string {
  return `  ${label.padEnd(10)}${cells.map((cell) => cell.padStart(width)).join("")}`;
}

/** A number of tokens as `128K` or `1M` where that is exact, and in digits otherwise. */
export function tokens(n: number): string {
  if (n >= 2 ** 20 && n % 2 ** 20 === 0) return `${n / 2 ** 20}M`;
  return n >= 2 ** 10 && n % 2 ** 10 === 0 ? `${n / 2 ** 10}K` : String(n);
}

/** A number with four significant digits and no exponent. */
export function digits(x: number): string {
  return x >= 1000 ? x.toFixed(0) : String(Number(x.toPrecision(4)));
}

/** A number of FLOPs with a unit prefix: `14.95 P`, `399.9 T`. */
export function flopCount(n: number): string {
  const [unit, size] = n >= 1e15 ? ["P", 1e15] : n >= 1e12 ? ["T", 1e12] : ["G", 1e9];
  return `${(n / Number(size)).toPrecision(4)} ${unit}`;
}

/** A number of bytes with a unit: `1.73 GB`, of 10^9 bytes. */
export function bytes(n: number): string {
  for (const [unit, size] of [
    ["TB", 1e12],
    ["GB", 1e9],
    ["MB", 1e6],
    ["KB", 1e3],
  ] as const) {
    if (n >= size) return `${(n / size).toFixed(2)} ${unit}`;
  }
  return `${n} B`;
}

/** A time with a unit: `4.21 ms`, `32.1 s`, `9.6 min`. */
export function duration(seconds: number): string {
  if (seconds < 0.1) return `${(1000 * seconds).toPrecision(3)} ms`;
  if (seconds < 100) return `${seconds.toPrecision(3)} s`;
  if (seconds < 100 * 60) return `${(seconds / 60).toFixed(1)} min`;
  return seconds < 100 * 3600
    ? `${(seconds / 3600).toFixed(1)} h`
    : `${(seconds / 86400).toFixed(1)} days`;
}
