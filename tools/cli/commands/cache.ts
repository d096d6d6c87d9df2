/**
 * `glm52 cache`: what a cache of experts would do.
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import { checkWritable } from "../../node/output.ts";
import { writeText } from "../../node/write-whole.ts";
import { POLICIES, type Policy } from "../../stream/cache-policies.ts";
import { readRouteFile } from "../../stream/read-routes.ts";
import { replay, SCOPES, type Scope } from "../../stream/replay.ts";
import { replaySvg } from "../../stream/replay-svg.ts";
import { renderReplay } from "../../stream/replay-text.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { integer, nameList } from "../numbers.ts";
import type { Terminal } from "../terminal.ts";

const HELP = `
A model that is larger than memory reads experts from a disk and keeps some of them. How many visits
a cache answers depends on the model, the text, the number of slots and the policy: not on the
machine. MODEL.md explains the figures.
`;

const REPLAY_HELP = `
"glm52 run" writes a trace. An expert is a hit if it is in the cache when a token asks for it. All
experts of a token are looked for before any of them is put in. Tokens that ran together, as those of
a prompt do, ask together.

Policies:
  lru     keeps what was used last
  slru    keeps what was used twice, in half of the slots
  lfru    keeps what was used most; with each step a use counts 0.9 times as much
  belady  keeps what is used again soonest; it knows the future, and nothing has more hits

Examples:
  glm52 run "Once upon a time" --route-trace routes.safetensors
  glm52 cache replay routes.safetensors
  glm52 cache replay routes.safetensors --slots 1,2,4,8 --policy lru,belady --svg hits.svg
  glm52 cache replay routes.safetensors --scope layer --token-by-token --json
`;

/** Slots to try when nobody says how many: these, as far as a layer has so many experts. */
const SLOTS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

interface ReplayCommandOptions {
  readonly slots?: readonly number[];
  readonly policy?: readonly Policy[];
  readonly scope?: readonly Scope[];
  readonly tokenByToken?: boolean;
  readonly json?: boolean;
  readonly svg?: string;
}

/** Adds `glm52 cache` and its command. */
export function addCache(program: Command, { stdout, stderr }: Terminal): void {
  const cache = program
    .command("cache")
    .summary("what a cache of experts would do")
    .description("Tries caches of experts on the routes of a run.")
    .addHelpText("after", `${HELP}\nExamples:\n  glm52 cache replay routes.safetensors\n`);
  cache
    .command("replay")
    .summary("count the hits of caches of several sizes and policies")
    .description("Counts the hits that caches of experts would have had in a run.")
    .argument("<trace>", "a route trace")
    .option("--slots <list>", "experts that fit, for each layer (default: 1, 2, 4, 8, …)", slotList)
    .option("--policy <list>", `policies to try (default: ${POLICIES.join(",")})`, oneOf(POLICIES))
    .option(
      "--scope <list>",
      "layer: each layer has its own slots; global: all layers share as many (default: both)",
      oneOf(SCOPES),
    )
    .option("--token-by-token", "let each token ask alone, even where several ran together")
    .option("--json", "print JSON")
    .option("--svg <file>", "also write a chart to this file")
    .addHelpText("after", REPLAY_HELP + EXIT_CODES)
    .action(async (path: string, options: ReplayCommandOptions) => {
      const { policy: policies = POLICIES, scope: scopes = SCOPES } = options;
      const { tokenByToken, json, svg } = options;
      if (svg !== undefined) await checkWritable(svg, [path]);
      const trace = await readRouteFile(path);
      const slots = options.slots ?? SLOTS.filter((n) => n <= trace.nExperts);
      const result = replay(trace, { policies, scopes, slots, tokenByToken });
      if (svg !== undefined) {
        await writeText(svg, replaySvg(result));
        stderr.write(`${svg}: hits against slots, ${result.model}\n`);
      }
      stdout.write(json ? `${JSON.stringify(result)}\n` : renderReplay(result));
    });
}

/** Parses and sorts numbers of slots like `1,2,4`. */
function slotList(text: string): number[] {
  const numbers = text.split(",").map((item) => integer(1, 2 ** 16)(item.trim()));
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** Makes a parser of some of these names, with commas between them. */
function oneOf<const T extends string>(names: readonly T[]) {
  return (text: string): T[] => {
    const chosen = nameList(text);
    const wrong = chosen.find((name) => !names.some((one) => one === name));
    if (wrong === undefined) return names.filter((name) => chosen.includes(name));
    throw new InvalidArgumentError(`Expected names out of ${names.join(", ")}, got ${wrong}.`);
  };
}
