/**
 * Where the numbers of a layer lie in a page.
 *
 * A page holds `pageRows` positions of every layer, in two blocks of memory: latent rows, and index
 * keys. So one page number stands for all layers, and one list of numbers is a timeline.
 *
 * ```
 *   rows  | group 0: row row row … | group 1: … | group 2: (l2 l3 l4 l5) (l2 l3 l4 l5) … | …
 *   keys  | full layer 0: key key key …         | full layer 1: …                        | …
 * ```
 *
 * Next: page-pool.ts
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import { CacheError } from "./cache-error.ts";
import {
  indexKeyBytes,
  latentRowBytes,
  type RowFormat,
  type SizedConfig,
  selectionGroups,
} from "./geometry.ts";

/** How rows are kept, and how many make a page. None of it but the formats can change a result. */
export interface PageFormat {
  readonly latent: RowFormat;
  readonly index: RowFormat;
  readonly pageRows: number;
}

/** Equal rows that follow each other in a block of a page. */
export interface Strip {
  /** Bytes from the start of the block to the first row. */
  readonly offset: number;
  /** Bytes from row to row. */
  readonly stride: number;
}

/** Where one layer is found. */
export interface LayerPlace {
  /** The selection group that it belongs to, and where its row begins in a row of the group. */
  readonly group: number;
  readonly rowOffset: number;
  /** Its index keys; only on full layers. */
  readonly keys: Strip | undefined;
}

/** Everything that sizes a page. */
export interface PageLayout {
  readonly format: PageFormat;
  readonly nLatent: number;
  readonly nRope: number;
  readonly nKey: number;
  /** The rows of each selection group. */
  readonly groups: readonly Strip[];
  readonly layers: readonly LayerPlace[];
  /** Bytes of the two blocks of a page. */
  readonly rowsBytes: number;
  readonly keysBytes: number;
}

/** Rows of a page, if nothing else is said. */
export const PAGE_ROWS = 64;

/**
 * The layout for these layers.
 *
 * @param indexerTypes of the layers that are cached: all main layers, or the MTP layer alone
 * @throws {CacheError} when a page would hold no position
 */
export function pageLayout(
  cfg: Omit<SizedConfig, "indexerTypes">,
  indexerTypes: ModelConfig["indexerTypes"],
  format: PageFormat,
): PageLayout {
  const { pageRows } = format;
  if (!(Number.isSafeInteger(pageRows) && pageRows > 0)) {
    throw new CacheError("page", `expected a positive number of rows, got ${pageRows}`);
  }
  const sized = { ...cfg, indexerTypes };
  const rowBytes = latentRowBytes(sized, format.latent);
  const keyBytes = indexKeyBytes(sized, format.index);
  const groups: Strip[] = [];
  const layers: LayerPlace[] = [];
  let rowsBytes = 0;
  selectionGroups(indexerTypes).forEach((group, g) => {
    const stride = group.layers.length * rowBytes;
    groups.push({ offset: rowsBytes, stride });
    group.layers.forEach((_layer, i) => {
      const keys = i === 0 ? { offset: g * pageRows * keyBytes, stride: keyBytes } : undefined;
      layers.push({ group: g, rowOffset: i * rowBytes, keys });
    });
    rowsBytes += pageRows * stride;
  });
  return {
    format,
    nLatent: cfg.kvLoraRank,
    nRope: cfg.qkRopeHeadDim,
    nKey: cfg.indexHeadDim,
    groups,
    layers,
    rowsBytes,
    keysBytes: groups.length * pageRows * keyBytes,
  };
}
