/**
 * Writes journals as version 0.1 did, to test that they are still read.
 * @module
 */
import { crc32 } from "node:zlib";

/** A record of version 0.1. */
export interface OldChange {
  readonly fingerprint: string;
  readonly nTokensKept: number;
  readonly nPagesKept: number;
  readonly tokens: readonly number[];
  readonly pages: readonly { readonly slot: number; readonly crc: number }[];
  readonly pending: readonly number[];
  readonly random?: readonly number[];
  readonly logits?: { readonly type: "f32" | "f64"; readonly base64: string };
  readonly note?: unknown;
}

/** The bytes of a journal of version 0.1. */
export function oldJournal(changes: readonly OldChange[]): Uint8Array {
  let after = 0;
  const parts = [Buffer.from("glm52 session 1\n")];
  for (const change of changes) {
    const body = Buffer.from(JSON.stringify(change));
    const head = Buffer.alloc(8);
    after = crc32(body, after);
    head.writeUInt32LE(body.length, 0);
    head.writeUInt32LE(after, 4);
    parts.push(head, body);
  }
  return new Uint8Array(Buffer.concat(parts));
}
