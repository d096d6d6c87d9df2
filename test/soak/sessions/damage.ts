/**
 * Ways in which bytes of a file are damaged.
 * @module
 */

/** Returns a damaged copy of some bytes, and what was done to it. */
export function damaged(
  whole: Uint8Array,
  random: () => number,
): { readonly bytes: Uint8Array; readonly what: string } {
  const bytes = whole.slice();
  const place = (): number => Math.floor(random() * whole.length);
  const at = place();
  const length = 1 + Math.floor(random() ** 4 * (whole.length - at));
  switch (Math.floor(random() * 8)) {
    case 0:
    case 1:
    case 2: {
      const bit = Math.floor(random() * 8);
      bytes[at] ^= 1 << bit;
      return { bytes, what: `bit ${bit} of byte ${at} flipped` };
    }
    case 3:
      return { bytes: bytes.slice(0, at), what: `cut after ${at} bytes` };
    case 4:
      bytes.fill(0, at, at + length);
      return { bytes, what: `${length} zeros from byte ${at} on` };
    case 5: {
      const from = place();
      bytes.copyWithin(at, from, from + length);
      return { bytes, what: `${length} bytes copied from ${from} to ${at}` };
    }
    case 6: {
      for (let i = at; i < at + length; i++) bytes[i] = Math.floor(random() * 256);
      return { bytes, what: `${length} random bytes from byte ${at} on` };
    }
    default: {
      const left = [...bytes.subarray(0, at), ...bytes.subarray(at + length)];
      return { bytes: Uint8Array.from(left), what: `${length} bytes taken out at ${at}` };
    }
  }
}
