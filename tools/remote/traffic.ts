/**
 * All that was sent and answered, as lines of JSON. Each line holds the hash of the one before, so that
 * a recording which was changed afterwards is refused. A recording can be judged again without the
 * endpoint. Headers are not recorded: a key stands there.
 *
 * Next: client.ts
 * @module
 */
import { createHash } from "node:crypto";
import { EndpointError } from "./endpoint-error.ts";

/** A request and its answer. */
export interface Exchange {
  readonly method: "GET" | "POST";
  /** The path, from the root of the endpoint on. */
  readonly path: string;
  readonly body?: object | undefined;
  readonly status: number;
  /** The answer as it came. */
  readonly text: string;
}

/** What was asked. */
export type Asked = Pick<Exchange, "method" | "path" | "body">;

/** The first line of a recording. */
interface Head {
  readonly glm52: "endpoint recording 1";
  readonly url: string;
  /** The hash of what was written down before the run, if that was. */
  readonly manifest?: string | undefined;
}

/** Writes a recording, line by line. */
export class Recorder {
  readonly #write: (line: string) => void;
  #last = "";

  /**
   * @param write takes a line, with its end
   * @param from what stands in the first line, or the hash of the last one of a recording to go on with
   */
  constructor(
    url: string,
    write: (line: string) => void,
    from: { readonly manifest?: string | undefined } | { readonly last: string } = {},
  ) {
    this.#write = write;
    if ("last" in from) this.#last = from.last;
    else this.#line({ glm52: "endpoint recording 1", url, ...from } satisfies Head);
  }

  /** The hash of all lines so far. */
  get hash(): string {
    return this.#last;
  }

  /** Adds an exchange. */
  add(exchange: Exchange): void {
    this.#line(exchange);
  }

  #line(value: object): void {
    this.#last = hashOf(this.#last, value);
    this.#write(`${JSON.stringify({ ...value, hash: this.#last })}\n`);
  }
}

/** The exchanges of a recording, to be looked up by what was asked. */
export class Recording {
  /** Where it was recorded. */
  readonly url: string;
  readonly file: string;
  /** The hash of the last line. */
  readonly last: string;
  readonly #answers = new Map<string, Exchange[]>();
  readonly #taken = new Map<string, number>();

  /** @throws {EndpointError} when the text is no recording, or was changed */
  constructor(text: string, file: string) {
    this.file = file;
    const { lines, last } = linesOf(text, file);
    const [head, ...exchanges] = lines;
    this.last = last;
    const { glm52, url } = (head ?? {}) as Partial<Head>;
    if (glm52 !== "endpoint recording 1" || typeof url !== "string") {
      throw wrong(file, "expected a recording of `glm52 verify --record`, got another file");
    }
    this.url = url;
    for (const exchange of exchanges as unknown as Exchange[]) {
      const key = keyOf(exchange);
      this.#answers.set(key, [...(this.#answers.get(key) ?? []), exchange]);
    }
  }

  /**
   * Returns the answer to a request. The same request gets its answers in turn, as they were recorded.
   *
   * @throws {EndpointError} when it was not recorded so often
   */
  take(request: Asked): Exchange {
    const found = this.find(request);
    if (found) return found;
    throw wrong(
      this.file,
      `it does not hold this request to ${request.path}: record it with the same options and the same version of this program`,
    );
  }

  /** The same as {@link take}, and undefined where it would throw. */
  find(request: Asked): Exchange | undefined {
    const key = keyOf(request);
    const n = this.#taken.get(key) ?? 0;
    const found = this.#answers.get(key)?.[n];
    if (found) this.#taken.set(key, n + 1);
    return found;
  }
}

/** What tells requests apart. The model's name does not: a reference may have another one. */
export function keyOf({ method, path, body = {} }: Asked): string {
  const { model: _, ...rest } = body as { model?: unknown };
  return JSON.stringify([method, path, rest]);
}

function linesOf(text: string, file: string): { lines: object[]; last: string } {
  const lines = text.split("\n");
  if (lines.pop() !== "") throw wrong(file, "expected whole lines, the last one breaks off");
  let last = "";
  const checked = lines.map((line, i) => {
    let value: { hash?: unknown };
    try {
      value = JSON.parse(line);
    } catch {
      throw wrong(file, `expected JSON in line ${i + 1}, got another text`);
    }
    const { hash, ...rest } = value ?? {};
    last = hashOf(last, rest);
    if (hash !== last) throw wrong(file, `line ${i + 1} was changed after it was recorded`);
    return rest;
  });
  return { lines: checked, last };
}

function hashOf(before: string, value: object): string {
  return createHash("sha256").update(before).update(JSON.stringify(value)).digest("hex");
}

function wrong(file: string, what: string): EndpointError {
  return new EndpointError("recording", file, what);
}
