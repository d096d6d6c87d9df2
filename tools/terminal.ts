/**
 * All that the commands see of the process they run in, so that a test can be one.
 * @module
 */
import { Buffer } from "node:buffer";
import process from "node:process";

/** A stream for text. */
export interface TextOut {
  readonly isTerminal: boolean;
  write(text: string): void;
}

/** Where input comes from and output goes. */
export interface Terminal {
  readonly stdin: { readonly isTerminal: boolean; read(): Promise<Uint8Array> };
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
    stdin: { isTerminal: process.stdin.isTTY === true, read: readStdin },
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
