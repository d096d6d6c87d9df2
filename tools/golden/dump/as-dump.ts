/**
 * A run as the dump of another engine.
 * @module
 */

import type { NamedTensor } from "../../../engine/trace/recorder.ts";
import type { Dump } from "./dump.ts";

/** The tensors under their own names, as they would be read from a file. */
export const asDump = (tensors: readonly NamedTensor[]): Dump =>
  new Map(
    tensors.map(({ name, shape, data }) => {
      const dtype = data instanceof Int32Array ? "I32" : "F32";
      return [name, { theirName: name, dtype, shape, data }] as const;
    }),
  );
