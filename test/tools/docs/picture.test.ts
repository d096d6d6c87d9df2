/** docs/architecture.svg shows what is there. `npm run docs:picture` writes it. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ARROWS, BOXES, boxOf, picture } from "../../../tools/docs/picture.ts";
import { ROOT } from "../../support/paths.ts";

test("the picture is the one that is drawn today", async () => {
  await expect(picture()).toMatchFileSnapshot(join(ROOT, "docs/architecture.svg"));
});

test.each(BOXES)("$name is there", ({ folders }) => {
  expect(folders.filter((folder) => !existsSync(join(ROOT, folder)))).toEqual([]);
});

const files = (path: string): string[] =>
  statSync(join(ROOT, path)).isDirectory()
    ? readdirSync(join(ROOT, path), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".ts"))
        .map((file) => join(path, file))
    : [path];

/** What one file imports: names, and the files that they come from. */
function imports(file: string): { readonly names: string[]; readonly path: string }[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const found = text.matchAll(
    /^(?:import|export) (?:type )?(?:\{([^}]*)\}|.*?) ?from "(\.[^"]+)"/gm,
  );
  return [...found].map(([, list = "", path]) => ({
    names: list.split(",").map((name) => name.trim().replace(/^type /, "")),
    path: join(file, "..", path),
  }));
}

const DOOR = "engine/index.ts";
const BEHIND_THE_DOOR = imports(DOOR);

/** The files behind an import; the door of the engine only hands on what others export. */
function sources({ names, path }: { readonly names: string[]; readonly path: string }): string[] {
  if (path !== DOOR) return [path];
  const behind = BEHIND_THE_DOOR.filter((one) => one.names.some((name) => names.includes(name)));
  return behind.map((one) => one.path);
}

/** Whether a file of one room imports from a file of another. */
function uses(from: readonly string[], to: readonly string[]): boolean {
  const used = from.flatMap(files).flatMap(imports).flatMap(sources);
  return used.some((path) => to.some((folder) => path === folder || path.startsWith(`${folder}/`)));
}

/** Its bytes are handed to the backend, which imports nothing of it. */
const BY_BYTES = "kernels";

test.each(ARROWS.filter(({ to }) => to !== BY_BYTES))("$from uses $to", ({ from, to }) => {
  expect(uses(boxOf(from).folders, boxOf(to).folders)).toBe(true);
});

test("an arrow without an import would be caught", () => {
  expect(uses(boxOf("kv").folders, boxOf("generate").folders)).toBe(false);
});
