/**
 * Panels: q8 and q4 matrices in files as kernels multiply them, so that what was read can be used where it
 * stands. The numbers are those of groups.ts; only their order is another one.
 *
 * ```text
 * panel        eight rows of the matrix
 * its groups   for each 32 columns: the eight scales in f16, then the numbers of the eight rows
 *   q8         for p = 0 … 15:  numbers 2p, 2p + 1 of row 0, of row 1, … of row 7
 *   q4         for m = 0 … 3:   four bytes of row 0, of row 1, … of row 7; of the four, bits 4k … 4k + 3 of half
 *                               word e are number 8m + 2k + e
 * ```
 *
 * Next: raw-tensor.ts
 * @module
 * @see kernels-as/assembly/panels.ts for why, and pack-panels.ts for the same in the kernels
 */
import { GROUP_FORMATS, type GroupFormat, type Groups } from "./groups.ts";
import { GROUP, type RawTensor } from "./raw-tensor.ts";

/** Rows of a panel. */
export const PANEL_ROWS = 8;

/** Bytes of the scales that a group of a panel begins with. */
const SCALE_BYTES = 2 * PANEL_ROWS;

/** The exponent of an f16 that is infinite or NaN. */
const F16_EXPONENT = 0x7c00;

/** Bytes of one group of a panel. */
export function panelGroupBytes(format: GroupFormat): number {
  return SCALE_BYTES + PANEL_ROWS * GROUP_FORMATS[format].bytes;
}

/** The stored shape of a matrix in panels. Its rows are a multiple of {@link PANEL_ROWS}. */
export function panelShape(
  format: GroupFormat,
  [nRows, nColumns]: readonly number[],
): readonly number[] {
  return [nRows / PANEL_ROWS, nColumns / GROUP, panelGroupBytes(format)];
}

/** Moves groups into panels. */
export function toPanels(
  format: GroupFormat,
  { quants, scales }: Groups,
  nRows: number,
): Uint8Array<ArrayBuffer> {
  const panels = new Uint8Array((scales.length / PANEL_ROWS) * panelGroupBytes(format));
  const view = new DataView(panels.buffer);
  const put = format === "q8" ? putQ8 : putQ4;
  eachGroup(format, nRows, scales.length / nRows, (group, at, row) => {
    view.setUint16(at + 2 * row, scales[group], true);
    put(panels, at + SCALE_BYTES, row, quants, group * GROUP_FORMATS[format].bytes);
  });
  return panels;
}

/** Moves panels back into groups. */
export function fromPanels(format: GroupFormat, panels: Uint8Array, nRows: number): Groups {
  const nGroups = (panels.length / panelGroupBytes(format)) * PANEL_ROWS;
  const scales = new Uint16Array(nGroups);
  const quants = new Uint8Array(nGroups * GROUP_FORMATS[format].bytes);
  const view = new DataView(panels.buffer, panels.byteOffset, panels.length);
  const take = format === "q8" ? takeQ8 : takeQ4;
  eachGroup(format, nRows, nGroups / nRows, (group, at, row) => {
    scales[group] = view.getUint16(at + 2 * row, true);
    take(quants, group * GROUP_FORMATS[format].bytes, panels, at + SCALE_BYTES, row);
  });
  return { quants, scales };
}

/** A matrix that is stored in panels. Whoever wants its groups row by row gets them made. */
export class PanelTensor implements RawTensor {
  readonly dtype: "Q8" | "Q4";
  readonly shape: readonly number[];
  readonly panels: Uint8Array;
  readonly #format: GroupFormat;
  #groups: Groups | undefined;

  /** @param stored the shape that the file says, see {@link panelShape} */
  constructor(format: GroupFormat, stored: readonly number[], panels: Uint8Array) {
    this.#format = format;
    this.dtype = format === "q8" ? "Q8" : "Q4";
    this.shape = [stored[0] * PANEL_ROWS, stored[1] * GROUP];
    this.panels = panels;
  }

  get bytes(): Uint8Array {
    return this.#made().quants;
  }

  get groupScales(): Uint16Array {
    return this.#made().scales;
  }

  #made(): Groups {
    this.#groups ??= fromPanels(this.#format, this.panels, this.shape[0]);
    return this.#groups;
  }

  /** The flat index of the first number of a group whose scale is NaN or infinite, or −1. */
  firstNotFinite(): number {
    const { panels } = this;
    const width = panelGroupBytes(this.#format);
    for (let at = 0; at < panels.length; at += width) {
      for (let row = 0; row < PANEL_ROWS; row++) {
        const exponent = (panels[at + 2 * row + 1] << 8) & F16_EXPONENT;
        if (exponent !== F16_EXPONENT) continue;
        const nGroups = this.shape[1] / GROUP;
        const [panel, group] = [Math.floor(at / width / nGroups), (at / width) % nGroups];
        return (panel * PANEL_ROWS + row) * this.shape[1] + group * GROUP;
      }
    }
    return -1;
  }
}

/** Calls `visit` for each group of rows, with the place of its group of the panel and its row there. */
function eachGroup(
  format: GroupFormat,
  nRows: number,
  perRow: number,
  visit: (group: number, at: number, row: number) => void,
): void {
  const width = panelGroupBytes(format);
  for (let first = 0; first < nRows; first += PANEL_ROWS) {
    for (let g = 0; g < perRow; g++) {
      const at = ((first / PANEL_ROWS) * perRow + g) * width;
      for (let row = 0; row < PANEL_ROWS; row++) visit((first + row) * perRow + g, at, row);
    }
  }
}

function putQ8(
  panels: Uint8Array,
  at: number,
  row: number,
  quants: Uint8Array,
  from: number,
): void {
  for (let i = 0; i < GROUP; i += 2) {
    const to = at + PANEL_ROWS * i + 2 * row;
    panels[to] = quants[from + i];
    panels[to + 1] = quants[from + i + 1];
  }
}

function takeQ8(quants: Uint8Array, to: number, panels: Uint8Array, at: number, row: number): void {
  for (let i = 0; i < GROUP; i += 2) {
    const from = at + PANEL_ROWS * i + 2 * row;
    quants[to + i] = panels[from];
    quants[to + i + 1] = panels[from + 1];
  }
}

/**
 * Byte `j` of a group holds numbers `j` and `j + 16`. So numbers 0 … 15, parts 0 and 1 of a panel, are the lower
 * halves of bytes 0 … 15, and parts 2 and 3 are the upper halves.
 */
function putQ4(
  panels: Uint8Array,
  at: number,
  row: number,
  quants: Uint8Array,
  from: number,
): void {
  for (let m = 0; m < 4; m++) {
    const shift = m < 2 ? 0 : 4;
    const first = from + 8 * (m & 1);
    const to = at + 4 * PANEL_ROWS * m + 4 * row;
    for (let b = 0; b < 4; b++) {
      // Half word e holds the numbers 2k + e, two in each byte.
      const low = first + 4 * (b & 1) + (b >> 1);
      const [a, c] = [(quants[low] >> shift) & 0xf, (quants[low + 2] >> shift) & 0xf];
      panels[to + b] = a | (c << 4);
    }
  }
}

function takeQ4(quants: Uint8Array, to: number, panels: Uint8Array, at: number, row: number): void {
  for (let m = 0; m < 4; m++) {
    const shift = m < 2 ? 0 : 4;
    const first = to + 8 * (m & 1);
    const from = at + 4 * PANEL_ROWS * m + 4 * row;
    for (let b = 0; b < 4; b++) {
      const low = first + 4 * (b & 1) + (b >> 1);
      quants[low] |= (panels[from + b] & 0xf) << shift;
      quants[low + 2] |= (panels[from + b] >> 4) << shift;
    }
  }
}
