/**
 * All that the commands see of the process they run in, so that a test can be one.
 * @module
 */

import { Buffer } from "node:buffer";
import process from "node:process";
import { createInterface } from "node:readline";
import { UserError } from "../node/user-error.ts";

/** A stream for text. */
export interface TextOut {
  readonly isTerminal: boolean;
  write(text: string): void;
}

/** Where input comes from. */
export interface TextIn {
  readonly isTerminal: boolean;
  /** All of it. */
  read(): Promise<Uint8Array>;
  /**
   * Line by line, as they come. On a terminal each is asked for with `prompt`; Ctrl-C and Ctrl-D
   * end the lines there.
   */
  lines(prompt: string): AsyncIterable<string>;
}

/** Where input comes from and output goes. */
export interface Terminal {
  readonly stdin: TextIn;
  readonly stdout: TextOut;
  readonly stderr: TextOut;
  /**
   * Calls back on the next Ctrl-C. The one after it ends the process, as does any while nobody
   * listens. Returns a function that stops listening.
   */
  onInterrupt(listener: () => void): () => void;
}

/** The process itself. */
export function processTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: Error & { code?: string }) => {
      if (error.code === "EPIPE") process.exit(0); // the reader has seen enough, as in `| head`
      throw error;
    });
  }
  return {
    stdin: {
      isTerminal: process.stdin.isTTY === true,
      read: readStdin,
      lines: process.stdin.isTTY ? typedLines : () => pipedLines(process.stdin),
    },
    stdout: out(process.stdout),
    stderr: out(process.stderr),
    onInterrupt: (listener) => {
      process.once("SIGINT", listener);
      return () => process.off("SIGINT", listener);
    },
  };
}

function out(stream: NodeJS.WriteStream): TextOut {
  return { isTerminal: stream.isTTY === true, write: (text) => void stream.write(text) };
}

async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

/** The lines of a stream of bytes; the last one may lack its newline. */
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

/**
 * Lines that a person types. The terminal is in line mode between two questions, so that Ctrl-C is
 * a signal while a reply runs, and a key of the editor while a line is written.
 */
async function* typedLines(prompt: string): AsyncGenerator<string> {
  let history: string[] = [];
  for (;;) {
    const editor = createInterface({
      input: process.stdin,
      output: process.stderr,
      terminal: true,
      history,
    });
    editor.on("history", (lines: string[]) => {
      history = lines;
    });
    const line = await new Promise<string | undefined>((resolve) => {
      editor.once("SIGINT", () => resolve(undefined));
      editor.once("close", () => resolve(undefined));
      editor.question(prompt, resolve);
    });
    editor.close();
    if (line === undefined) {
      process.stderr.write("\n");
      return;
    }
    yield line;
  }
}
