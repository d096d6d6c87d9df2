/** Tests that the folders of tools/golden have an order: each imports only from those before it. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "../../support/paths.ts";

/** `diagnose` and `build` stand side by side, and so do `report` and `witness`. */
const FLOORS = [
  ["case"],
  ["mutants"],
  ["dump"],
  ["judge"],
  ["diagnose", "build"],
  ["report", "witness"],
];

const GOLDEN = join(ROOT, "tools/golden");
const roomOf = (path: string): string => relative(GOLDEN, path).split(sep)[0];
const floorOf = (room: string): number => FLOORS.findIndex((rooms) => rooms.includes(room));

/** The imports of a file, including types, that lead to the same floor or to one above. */
function upward(path: string, text: string): string[] {
  const room = roomOf(path);
  return [...text.matchAll(/(?:from|import\() ?"(\.[^"]+)"/g)].flatMap(([, to]) => {
    const other = roomOf(join(dirname(path), to));
    const isUp = other !== room && floorOf(other) >= floorOf(room);
    return isUp ? [`${relative(GOLDEN, path)} imports ${to}`] : [];
  });
}

it("no import runs against the order", () => {
  const files = readdirSync(GOLDEN, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && file.includes(sep))
    .map((file) => join(GOLDEN, file));
  expect(new Set(files.map(roomOf))).toEqual(new Set(FLOORS.flat()));
  expect(files.flatMap((file) => upward(file, readFileSync(file, "utf8")))).toEqual([]);
});

it("an import against the order would be found", () => {
  const wrong = 'import type { Suspect } from "../diagnose/diagnose.ts";';
  expect(upward(join(GOLDEN, "case/case.ts"), wrong)).toEqual([
    "case/case.ts imports ../diagnose/diagnose.ts",
  ]);
  expect(upward(join(GOLDEN, "report/html.ts"), wrong)).toEqual([]);
});
