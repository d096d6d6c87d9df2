/**
 * The experiments of docs/understand.md: each is a program in the text, followed by what it prints.
 * They are run, and the text is made again with what they print today.
 * @module
 */

/** What the programs may import, by the name that they import it under. */
export type Modules = Readonly<Record<string, object>>;

/** A program, and the block after it. */
const EXPERIMENT = /^```js\n([\s\S]*?)^```\n\n```text\n[\s\S]*?^```$/gm;

const IMPORT = /^import (\{[^}]*\}) from "([^"]+)";$/gm;

/** The kind of a function whose body may wait; it has no name of its own in JavaScript. */
const AsyncFunction = (async () => {}).constructor as new (
  ...names: string[]
) => (modules: Modules, console: { log(...words: unknown[]): void }) => Promise<void>;

/** The same document, with what each of its programs prints now. */
export async function withOutputs(document: string, modules: Modules): Promise<string> {
  const programs = [...document.matchAll(EXPERIMENT)].map(([, program]) => program);
  const printed: string[] = [];
  for (const program of programs) printed.push(await run(program, modules));
  let n = 0;
  return document.replace(EXPERIMENT, (_, program) => {
    return `\`\`\`js\n${program}\`\`\`\n\n\`\`\`text\n${printed[n++]}\`\`\``;
  });
}

/** Runs one program, and returns the lines that it prints. */
async function run(program: string, modules: Modules): Promise<string> {
  const body = program.replace(IMPORT, (_, names, from) => {
    if (from in modules) return `const ${names} = modules["${from}"];`;
    throw new Error(`expected one of ${Object.keys(modules).join(", ")}, got an import of ${from}`);
  });
  const lines: string[] = [];
  const log = (...words: unknown[]): void => void lines.push(`${words.join(" ")}\n`);
  await new AsyncFunction("modules", "console", body)(modules, { log });
  return lines.join("");
}
