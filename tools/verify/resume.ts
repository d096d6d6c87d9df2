/**
 * Goes on with a recording that broke off: what it holds is answered from it, all else is asked, and written
 * behind it.
 *
 * Next: traffic.ts
 * @module
 */

import { PASSING } from "../remote/client.ts";
import { EndpointError } from "../remote/endpoint-error.ts";
import type { Send } from "../remote/exchange.ts";
import { type Asked, type Exchange, keyOf, Recorder, Recording } from "../remote/traffic.ts";

/** A recording to go on with. */
export class Resumption {
  /** Bytes of the recording that are whole lines: what stands behind them broke off. */
  readonly nBytes: number;
  readonly #recording: Recording;
  readonly #base: string;

  /**
   * @param url the endpoint, which must be the one that was recorded
   * @throws {EndpointError} when the text is no recording of it, or was changed
   */
  constructor(text: string, file: string, url: string) {
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    this.nBytes = new TextEncoder().encode(whole).length;
    this.#recording = new Recording(whole, file);
    this.#base = url.replace(/\/+$/, "");
    if (this.#recording.url.replace(/\/+$/, "") === this.#base) return;
    const what = `expected a recording of ${url}, got one of ${this.#recording.url}`;
    throw new EndpointError("recording", file, what);
  }

  /** A recorder that leaves out what stands there already, and a way to send that looks there first. */
  goOn(
    write: (line: string) => void,
    send: Send = fetch,
  ): { readonly recorder: Recorder; readonly send: Send } {
    const recorder = new LaterRecorder(this.#recording, write);
    return {
      recorder,
      send: async (url, init) => {
        const known = this.#find(askedOf(url, init, this.#base));
        if (known === undefined) return send(url, init);
        recorder.leaveOut(known);
        return new Response(known.text, { status: known.status });
      },
    };
  }

  /** An answer that was recorded. Failures are none: they may be over. */
  #find(asked: Asked): Exchange | undefined {
    let known = this.#recording.find(asked);
    while (known && PASSING.includes(known.status)) known = this.#recording.find(asked);
    return known;
  }
}

/** What a request asks, in the words of a recording. */
function askedOf(url: string, { method, body }: RequestInit, base: string): Asked {
  const isBelow = url.startsWith(`${base}/`);
  return {
    method: method === "GET" ? "GET" : "POST",
    path: isBelow ? url.slice(base.length + 1) : url.slice(base.replace(/\/v1$/, "").length),
    body: typeof body === "string" ? JSON.parse(body) : undefined,
  };
}

/** Writes what is new behind a recording. */
class LaterRecorder extends Recorder {
  readonly #known = new Map<string, number>();

  constructor({ url, last }: Recording, write: (line: string) => void) {
    super(url, write, { last });
  }

  /** The next exchange like this one stands there already. */
  leaveOut(exchange: Exchange): void {
    const key = keyOf(exchange);
    this.#known.set(key, (this.#known.get(key) ?? 0) + 1);
  }

  override add(exchange: Exchange): void {
    const key = keyOf(exchange);
    const n = this.#known.get(key) ?? 0;
    if (n === 0) super.add(exchange);
    else this.#known.set(key, n - 1);
  }
}
