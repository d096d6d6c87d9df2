/**
 * `--url` and what belongs to it: a command asks an engine that runs elsewhere, instead of loading a model.
 * @module
 */
import { type Command, Option } from "commander";
import { oneLine } from "../library/one-line.ts";
import { Budget, UNLIMITED } from "../remote/budget.ts";
import { Client } from "../remote/client.ts";
import { Endpoint } from "../remote/endpoint.ts";
import { probeOf, type RemoteModel } from "../remote/remote-model.ts";
import { apiKeyOf } from "./api-key.ts";
import { POSITIVE } from "./numbers.ts";
import type { TextOut } from "./text-out.ts";
import { UsageError } from "./usage-error.ts";

/** The values of these options. */
export interface UrlChoice {
  readonly url?: string;
  readonly servedName?: string;
  readonly apiKeyEnv?: string;
  readonly timeout: number;
}

/** The attributes that mean something only with `--url`. */
const ONLY_WITH_URL = ["servedName", "apiKeyEnv", "timeout", "serverTemplate"];

const GROUP = "An engine that runs elsewhere:";

/** Adds the options. What the command adds after them stands under `Options:`. */
export function addUrlOptions(command: Command): Command {
  return command
    .optionsGroup(GROUP)
    .option(
      "--url <url>",
      "ask this endpoint instead of loading a model, up to and with /v1",
      (text: string) => address("--url", text),
    )
    .option("--served-name <name>", "the model's name there (default: the first that it lists)")
    .option("--api-key-env <var>", "the environment variable with the key")
    .addOption(
      new Option("--timeout <s>", "seconds that it may be silent").argParser(POSITIVE).default(600),
    )
    .optionsGroup("Options:");
}

/**
 * Returns the URL of an endpoint. One without a path means its `/v1`. No error shows what was given: a key
 * may stand in it.
 *
 * @throws {UsageError} for anything but a URL of HTTP, and for one that may hold a key
 */
export function address(where: string, text: string): string {
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new UsageError(where, "expected a URL like https://example.com/v1");
  }
  const { username, password, search, hash, pathname } = parsed;
  if (username !== "" || password !== "" || search !== "" || hash !== "") {
    const what = "expected no key in the URL, and nothing after its path";
    throw new UsageError(where, `${what}: give a key with --api-key-env`);
  }
  return pathname === "/" ? `${parsed.origin}/v1` : text;
}

/**
 * Refuses options that have no meaning: with `--url`, those that only a model here can heed; without it,
 * those that only an endpoint can.
 *
 * @param heeded attributes of the options that an endpoint heeds, besides those of {@link addUrlOptions}
 * @throws {UsageError} for one that was given all the same
 */
export function checkUrlUse(
  command: Pick<Command, "options" | "getOptionValueSource">,
  { url }: Pick<UrlChoice, "url">,
  heeded: readonly string[],
): void {
  const isGiven = (name: string): boolean => command.getOptionValueSource(name) === "cli";
  for (const option of command.options) {
    const name = option.attributeName();
    if (name === "url" || !isGiven(name)) continue;
    const flag = option.long ?? option.flags;
    const isTheirs = ONLY_WITH_URL.includes(name);
    if (url === undefined && isTheirs) {
      throw new UsageError(flag, "expected --url, too: it is about an engine that runs elsewhere");
    }
    if (url !== undefined && !isTheirs && !heeded.includes(name)) {
      throw new UsageError(flag, "expected no --url: the engine that runs there decides this");
    }
  }
}

/** The client of an endpoint. */
export function clientOf(url: string, { servedName, apiKeyEnv, timeout }: UrlChoice): Client {
  const apiKey = apiKeyOf(apiKeyEnv);
  return new Client({
    ...{ url, apiKey, timeout },
    model: servedName,
    budget: new Budget(UNLIMITED),
  });
}

/** Finds out what an endpoint can do, and says it. */
export async function findEndpoint(
  client: Client,
  model: RemoteModel,
  stderr: Pick<TextOut, "write">,
): Promise<Endpoint> {
  const endpoint = await Endpoint.find(client, model.tokenizer, probeOf(model), model.stopIds);
  sayNotes(client.url, endpoint.notes, stderr);
  return endpoint;
}

/** Says what a user should know of an endpoint. */
export function sayNotes(
  url: string,
  notes: readonly string[],
  stderr: Pick<TextOut, "write">,
): void {
  for (const note of notes) stderr.write(`${oneLine(`${url}: ${note}`)}\n`);
}
