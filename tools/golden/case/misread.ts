/**
 * A checkpoint as a wrong reader unpacks it.
 * @module
 */
import type { Checkpoint } from "../../../engine/index.ts";
import { decode, encodeF32 } from "../../../engine/numbers/formats.ts";
import { SCALE_SUFFIX } from "../../../engine/weights/names.ts";

/**
 * The checkpoint of a reader who divides each fp8 matrix into equal blocks, as many as there are
 * scales. Right are blocks of 128 rows and columns, of which the last ones may be smaller. Undefined
 * for a checkpoint that has no scales.
 */
export function equalBlocks(right: Checkpoint): Checkpoint | undefined {
  const isScaled = (name: string): boolean => right.tensors.has(name + SCALE_SUFFIX);
  const names = [...right.tensors.keys()];
  if (!names.some(isScaled)) return undefined;
  const kept = [...right.tensors].filter(([name]) => !name.endsWith(SCALE_SUFFIX));
  const tensors = kept.map(([name, entry]) => {
    const unpacked = { ...entry, dtype: "F32", length: 4 * entry.length } as const;
    return [name, isScaled(name) ? unpacked : entry] as const;
  });
  return {
    tensors: new Map(tensors),
    read: async (name) => {
      const stored = await right.read(name);
      if (!isScaled(name)) return stored;
      const scales = await right.read(name + SCALE_SUFFIX);
      const { shape, bytes } = stored;
      const codes = decode({ dtype: "F8_E4M3", shape, bytes });
      const factors = decode({ dtype: "F32", shape: scales.shape, bytes: scales.bytes });
      const [nRows, nCols] = shape;
      const [scaleRows, scaleCols] = scales.shape;
      const values = codes.map((code, at) => {
        const [i, j] = [Math.floor(at / nCols), at % nCols];
        const row = Math.floor((i * scaleRows) / nRows);
        return code * factors[row * scaleCols + Math.floor((j * scaleCols) / nCols)];
      });
      return { dtype: "F32", shape, bytes: encodeF32(shape, values).bytes };
    },
  };
}
