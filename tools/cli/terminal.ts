/**
 * The connection of the commands to the process in which they run: its streams and Ctrl-C. The
 * commands use nothing else of the process, so that a test can take its place.
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

/** A stream of input. */
export interface TextIn {
  readonly isTerminal: boolean;
  /** Reads the whole input to its end. */
  read(): Promise<Uint8Array>;
  /**
   * The lines of the input, each as soon as it is complete. On a terminal, `prompt` is shown before
   * each line, and Ctrl-C or Ctrl-D ends the input.
   */
  lines(prompt: string): AsyncIterable<string>;
}

/** The three streams of a process, and its Ctrl-C. */
export interface Terminal {
  readonly stdin: TextIn;
  readonly stdout: TextOut;
  readonly stderr: TextOut;
  /**
   * Calls `listener` on the next Ctrl-C. A second Ctrl-C ends the process, and so does one that
   * comes while there is no listener. Returns a function that removes the listener.
   */
  onInterrupt(listener: () => void): () => void;
}

/** The streams of this process. */
export function processTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: Error & { code?: string }) => {
      if (error.code === "EPIPE") process.exit(0); // the reader closed the pipe, as `| head` does
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

/**
 * The lines that a person types. A line editor exists only while a line is being typed; it takes
 * Ctrl-C as a key, which ends the input. While a reply runs there is no editor, so that Ctrl-C is
 * the usual signal.
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
