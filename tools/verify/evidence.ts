/**
 * A folder with all that a verification was, so that others can judge it again: what was about to be asked,
 * written down before the first request; all traffic, line by line, each with the hash of those before it, the first
 * with the hash of what was written down before; the outcome, with the hash of the last line.
 *
 * Next: traffic.ts
 * @module
 */
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../node/user-error.ts";
import { writeText } from "../node/write-whole.ts";
import { Recorder } from "../remote/traffic.ts";
import { conversations } from "./conversations.ts";
import type { GateInput } from "./gate.ts";
import { textsOf } from "./given-texts.ts";
import { outcomeJson, renderOutcome } from "./report.ts";
import { scenes } from "./story.ts";
import { type Outcome, type Plan, planOf, type VerifyOptions } from "./verify.ts";
import { outcomeHtml, type ReportOrigin } from "./verify-html.ts";
import { outcomeJunit } from "./verify-junit.ts";

/** What is to be written down before a run. */
export interface EvidenceInput extends GateInput, Pick<VerifyOptions, "url" | "model" | "gates"> {
  readonly version: string;
  /** When it begins, as ISO 8601 has it. */
  readonly date: string;
}

/** A folder that is being written. */
export class Evidence {
  readonly recorder: Recorder;
  readonly #folder: string;
  readonly #file: number;
  readonly #manifest: string;

  /** @throws {UserError} when the folder is there already */
  constructor(folder: string, input: EvidenceInput) {
    this.#folder = folder;
    try {
      mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const what =
        code === "EEXIST" ? "expected a new folder: evidence is never written over" : message;
      throw new UserError(folder, what, { cause: error });
    }
    const text = `${JSON.stringify(manifestOf(input), undefined, 2)}\n`;
    this.#manifest = sha256(text);
    const manifest = openSync(join(folder, "manifest.json"), "wx", 0o600);
    writeSync(manifest, text);
    closeSync(manifest);
    this.#file = openSync(join(folder, TRAFFIC), "wx", 0o600);
    const write = (line: string) => void writeSync(this.#file, line);
    this.recorder = new Recorder(input.url, write, { manifest: this.#manifest });
  }

  /** Ends the traffic, which also a run that breaks off leaves behind. */
  close(): void {
    closeSync(this.#file);
  }

  /** Writes what was found. */
  async finish(outcome: Outcome, origin: ReportOrigin): Promise<void> {
    const traffic = { file: TRAFFIC, hash: this.recorder.hash };
    const manifest = this.#manifest;
    const write = (name: string, text: string) => writeText(join(this.#folder, name), text);
    const json = { ...outcomeJson(outcome), manifest, traffic: traffic.hash };
    await write("outcome.json", `${JSON.stringify(json, undefined, 2)}\n`);
    await write("report.txt", renderOutcome(outcome, origin.price));
    await write("report.html", outcomeHtml(outcome, { ...origin, traffic, manifest }));
    await write("report.xml", outcomeJunit(outcome));
  }
}

const TRAFFIC = "traffic.jsonl";

/** What will be asked, and with what, before anything is. */
function manifestOf(input: EvidenceInput): object {
  const { url, model, seed, lengths, gates, reference, version, date } = input;
  const { total }: Plan = planOf(input);
  const texts = [conversations(seed), scenes(seed, 25), textsOf(input)];
  return {
    ...{ glm52: "verification 1", version, date, url, model, seed, lengths },
    gates: gates.map(({ name }) => name),
    reference: reference.name,
    most: total,
    hashes: { texts: sha256(JSON.stringify(texts)), program: programHash() },
  };
}

/** The hash of this room's files, as they run. */
function programHash(): string {
  const folder = import.meta.dirname;
  const names = readdirSync(folder)
    .filter((name) => /(?<!\.d)\.[jt]s$/.test(name))
    .sort();
  return sha256(names.map((name) => sha256(readFileSync(join(folder, name)))).join("\n"));
}

function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
