import { readSync } from "node:fs";

/** Fills `target` with the bytes from `offset` on, and returns how many there were. */
export function readAt(descriptor: number, offset: number, target: Uint8Array): number {
  for (let done = 0; ; ) {
    const n = readSync(descriptor, target, done, target.length - done, offset + done);
    done += n;
    if (n === 0 || done === target.length) return done;
  }
}
