/**
 * How numbers have to lie where the kernels read them. The module says so itself: it exports the
 * constants of `kernels-as/assembly/layout.ts`, which explain each.
 * @module
 */
import type { Encoding } from "../../numbers/row-encoding.ts";
import type { Kernels } from "./kernels.ts";

/** What the module says about the layout of weights, activations and cached rows. */
export interface Layout {
  /** Rows that are not in panels are filled up with zeros to a multiple of so many numbers. */
  readonly columns: number;
  /** Rows of a panel, in q8 and q4. */
  readonly panelRows: number;
  /** Bytes of one group of a panel. */
  readonly groupBytes: Readonly<Record<"Q8" | "Q4", number>>;
  /** Bytes of one group of activations in int8. */
  readonly int8GroupBytes: number;
  /** What the absolute value of a scale in fp8 must stay below. */
  readonly fp8ScaleLimit: number;
  /** The number of each encoding of cached rows that the kernels can read. */
  readonly encodings: Readonly<Partial<Record<Encoding, number>>>;
}

/** The layout that these kernels want. */
export function layoutOf(kernels: Kernels): Layout {
  const constants = kernels as unknown as Readonly<Record<string, WebAssembly.Global>>;
  const value = (name: string): number => constants[name].value;
  return {
    columns: value("COLUMNS"),
    panelRows: value("PANEL_ROWS"),
    groupBytes: { Q8: value("Q8_GROUP_BYTES"), Q4: value("Q4_GROUP_BYTES") },
    int8GroupBytes: value("X_GROUP_BYTES"),
    fp8ScaleLimit: value("FP8_SCALE_LIMIT"),
    encodings: {
      f32: value("ENCODING_F32"),
      bf16: value("ENCODING_BF16"),
      int8x64: value("ENCODING_INT8_X64"),
      int8: value("ENCODING_INT8"),
    },
  };
}
