/** Tests of `glm52 run` with a form that the text is held to. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { scratchFolder, TINY_MODEL } from "../../support/paths.ts";
import { glm52 } from "./fake-terminal.ts";

const scratch = scratchFolder();
const SCHEMA = {
  type: "object",
  properties: { name: { type: "string", maxLength: 12 }, age: { type: "integer", maximum: 20 } },
  required: ["name", "age"],
};

const run = (...options: string[]) =>
  glm52(["run", "A cat: ", "--max-tokens", "60", "--seed", "1", "--threads", "1", ...options]);

test("--json-schema makes JSON of a schema, from a file too, with drafts too", async () => {
  const file = join(scratch, "schema.json");
  writeFileSync(file, JSON.stringify(SCHEMA));
  const inline = await run("--json-schema", JSON.stringify(SCHEMA));
  expect(inline.code).toBe(0);
  const value = JSON.parse(inline.stdout);
  expect(Object.keys(value)).toEqual(["name", "age"]);
  expect(value.age).toBeLessThanOrEqual(20);
  expect((await run("--json-schema", file)).stdout).toBe(inline.stdout);
  const [greedy, drafted] = await Promise.all(
    ["0", "2"].map((n) => run("--json-schema", file, "--temperature", "0", "--draft", n)),
  );
  expect(drafted?.stdout).toBe(greedy?.stdout);
});

test("--regex and --grammar make a text of their form", async () => {
  expect((await run("--regex", "[a-c]{3}\\d")).stdout).toMatch(/^[a-c]{3}\d$/);
  const file = join(scratch, "list.gbnf");
  writeFileSync(file, 'root ::= item ", " item\nitem ::= "cat" | "dog"\n');
  expect((await run("--grammar", file)).stdout).toMatch(/^(cat|dog), (cat|dog)$/);
});

test.each<[string[], string]>([
  [["--json-schema", '{"not": {}}'], "schema.not: cannot be held to"],
  [["--json-schema", "{"], "schema: line 1, column 2: expected"],
  [["--json-schema", join(scratch, "none.json")], "ENOENT"],
  [["--regex", "(?=a)"], "regex: character 3: expected a group"],
  [["--regex", "a", "--grammar", "b"], "cannot be used with"],
  [["--regex", "a", "--model", TINY_MODEL, "--tokens", "1"], "no tokenizer.json"],
])("%j ends with a sentence", async (options, what) => {
  const { code, stdout, stderr } = await glm52(["run", ...options]);
  expect(code).not.toBe(0);
  expect(stdout).toBe("");
  expect(stderr).toContain(what);
});
