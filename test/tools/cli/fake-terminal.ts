/**
 * A terminal for tests: it gives input to a command, and records its output.
 * @module
 */
import { main } from "../../../tools/cli/main.ts";
import { pipedLines, type Terminal } from "../../../tools/cli/terminal.ts";
import { type TerminalEnvironment, textOut } from "../../../tools/cli/text-out.ts";

/** What happens at the terminal. */
export interface FakeOptions {
  /** The bytes of stdin. If not given, stdin is a terminal at which nobody types. */
  readonly stdin?: Uint8Array;
  /** Whether a person types these bytes at a terminal, line by line. */
  readonly isTyped?: boolean;
  /** Whether stdout and stderr are terminals. */
  readonly isTerminal?: boolean;
  /** What the environment says of the terminal. */
  readonly env?: TerminalEnvironment;
  /**
   * Presses Ctrl-C at this write to stdout, counted from 1. 0 presses it when a listener is added.
   */
  readonly interruptAtWrite?: number;
}

/** The result of a command. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `glm52 …argv` in this process. */
export async function glm52(argv: readonly string[], options: FakeOptions = {}): Promise<Outcome> {
  const { stdin, isTyped = false, isTerminal = false, env = {}, interruptAtWrite } = options;
  const written = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  let nWrites = 0;
  const terminal: Terminal = {
    stdin: {
      isTerminal: isTyped || stdin === undefined,
      read: async () => stdin ?? new Uint8Array(0),
      lines: () => pipedLines(bytesOf(stdin)),
    },
    stdout: textOut(
      (text) => {
        written.stdout += text;
        if (++nWrites === interruptAtWrite) for (const listener of listeners) listener();
      },
      { isTerminal, env },
    ),
    stderr: textOut(
      (text) => {
        written.stderr += text;
      },
      { isTerminal, env },
    ),
    onInterrupt: (listener) => {
      listeners.add(listener);
      if (interruptAtWrite === 0) listener();
      return () => listeners.delete(listener);
    },
    onTerminate: () => () => {},
  };
  const code = await main(argv, terminal);
  return { code, ...written };
}

/** The bytes of stdin, in small pieces that do not end at the borders of lines or characters. */
async function* bytesOf(stdin: Uint8Array = new Uint8Array(0)): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < stdin.length; at += 7) yield stdin.subarray(at, at + 7);
}
