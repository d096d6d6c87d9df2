/**
 * The connection of the commands to the process in which they run: its streams and Ctrl-C. The
 * commands use nothing else of the process, so that a test can take its place.
 * @module
 */

import { Buffer } from "node:buffer";
import process from "node:process";
import { UserError } from "../node/user-error.ts";
import { type Interrupts, onInterrupt, onTerminate } from "./interrupt.ts";
import { type TextOut, textOut } from "./text-out.ts";
import { type TypedLinesOptions, typedLines } from "./typed-lines.ts";

/** A stream of input. */
export interface TextIn {
  readonly isTerminal: boolean;
  /** Reads the whole input to its end. */
  read(): Promise<Uint8Array>;
  /** The lines of the input, each as soon as it is complete; typed-lines.ts says what a person sees. */
  lines(options?: TypedLinesOptions): AsyncIterable<string>;
}

/** The three streams of a process, and its Ctrl-C. */
export interface Terminal extends Interrupts {
  readonly stdin: TextIn;
  readonly stdout: TextOut;
  readonly stderr: TextOut;
}

/** The streams of this process. When one cannot be written, that is told once, and the process exits with 1. */
export function processTerminal(): Terminal {
  return {
    stdin: {
      isTerminal: process.stdin.isTTY === true,
      read: readStdin,
      lines: process.stdin.isTTY ? typedLines : () => pipedLines(process.stdin),
    },
    stdout: out(process.stdout, "stdout"),
    stderr: out(process.stderr, "stderr"),
    onInterrupt,
    onTerminate,
  };
}

function out(stream: NodeJS.WriteStream, name: string): TextOut {
  const closed = new AbortController();
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (closed.signal.aborted) return;
    closed.abort();
    if (error.code === "EPIPE") return; // the reader closed the pipe, as `| head` does
    process.exitCode = 1;
    if (stream !== process.stderr) process.stderr.write(`glm52: ${name}: ${error.message}\n`);
  });
  const sink = (text: string): void => {
    if (!closed.signal.aborted) stream.write(text);
  };
  return textOut(sink, {
    isTerminal: stream.isTTY === true,
    env: process.env,
    columns: () => stream.columns,
    closed: closed.signal,
  });
}

async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

/** The lines of a stream of bytes. The last line needs no newline behind it. */
export async function* pipedLines(input: AsyncIterable<unknown>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const decode = (bytes?: Uint8Array): string => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch {
      throw new UserError("stdin", "expected UTF-8 text, got other bytes");
    }
  };
  let rest = "";
  for await (const chunk of input) {
    const parts = (rest + decode(chunk as Uint8Array)).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) yield line.replace(/\r$/, "");
  }
  rest += decode();
  if (rest !== "") yield rest;
}
