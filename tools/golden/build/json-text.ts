/**
 * JSON that a person can read and git can compare: a line for each entry two levels down.
 * @module
 */

/** Objects and lists open down to `depth`, everything below on one line. */
export function jsonText(value: unknown, depth = 2): string {
  return `${open(value, depth, "")}\n`;
}

/** A measured number, rounded to three digits: more would say nothing. */
export const measured = (x: number): number => Number(x.toPrecision(3));

function open(value: unknown, depth: number, indent: string): string {
  const isOpen =
    depth > 0 && typeof value === "object" && value !== null && Object.keys(value).length > 0;
  if (!isOpen) return JSON.stringify(value);
  const inner = `${indent}  `;
  const [start, end] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  const lines = Object.entries(value).map(
    ([key, x]) =>
      inner + (Array.isArray(value) ? "" : `${JSON.stringify(key)}: `) + open(x, depth - 1, inner),
  );
  return `${start}\n${lines.join(",\n")}\n${indent}${end}`;
}
