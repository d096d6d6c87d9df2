/**
 * Where the traffic of `glm52 verify` goes, or comes from.
 * @module
 */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { UserError } from "../node/user-error.ts";
import { Recorder, Recording } from "../remote/traffic.ts";
import { Evidence, type EvidenceInput } from "../verify/evidence.ts";
import { Resumption } from "../verify/resume.ts";
import type { VerifyOptions } from "../verify/verify.ts";
import type { VerifyCommandOptions } from "./verify-options.ts";

/** What a verification needs for it. */
export interface Traffic extends Pick<VerifyOptions, "recorder" | "recording" | "send"> {
  readonly evidence?: Evidence | undefined;
  /** The file with the traffic. */
  readonly file?: string | undefined;
  close(): void;
}

/** Opens what the options name. Recordings are written line by line, so that they outlive an interruption. */
export function openTraffic(
  { record, resume, replay, evidence: folder }: VerifyCommandOptions,
  input: EvidenceInput,
): Traffic {
  if (replay !== undefined) {
    return { recording: readRecording(replay), file: replay, close: () => {} };
  }
  if (folder !== undefined) {
    const evidence = new Evidence(folder, input);
    return { evidence, recorder: evidence.recorder, close: () => evidence.close() };
  }
  if (resume !== undefined) return goOn(resume, input.url);
  if (record === undefined) return { close: () => {} };
  const file = newFile(record);
  const recorder = new Recorder(input.url, (line) => void writeSync(file, line));
  return { recorder, file: record, close: () => closeSync(file) };
}

/** Reads a recording. */
export function readRecording(file: string): Recording {
  return new Recording(readFileSync(file, "utf8"), file);
}

function goOn(path: string, url: string): Traffic {
  const resumption = new Resumption(readFileSync(path, "utf8"), path, url);
  const file = openSync(path, "r+");
  ftruncateSync(file, resumption.nBytes);
  let at = resumption.nBytes;
  const write = (line: string): void => {
    at += writeSync(file, line, at);
  };
  return { ...resumption.goOn(write), file: path, close: () => closeSync(file) };
}

function newFile(file: string): number {
  try {
    return openSync(file, "wx", 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const what =
      code === "EEXIST" ? "expected a new file: a recording is never written over" : message;
    throw new UserError(file, what, { cause: error });
  }
}
