/**
 * A run as the dump of another engine.
 * @module
 */

import type { NamedTensor } from "../../../engine/trace/recorder.ts";
import { type NameMap, stageName } from "../case/engine-names.ts";
import type { Dump } from "./dump.ts";

/** The tensors as they would be read from a file; under their own names where `names` has none. */
export const asDump = (tensors: readonly NamedTensor[], names: NameMap = {}): Dump =>
  new Map(
    tensors.map(({ name, shape, data }) => {
      const dtype = data instanceof Int32Array ? "I32" : "F32";
      return [stageName(name, names), { theirName: name, dtype, shape, data }] as const;
    }),
  );
