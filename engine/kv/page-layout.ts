/**
 * Where the numbers of a layer lie in a page.
 *
 * A page holds `pageRows` positions of every layer, in two blocks of memory: one of latent rows,
 * one of index keys. So one page number stands for all layers, and a list of page numbers is a
 * timeline.
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

/** How rows are stored. The two formats may change results; the size of a page may not. */
export interface PageFormat {
  /** Format of the latent rows. */
  readonly latent: RowFormat;
  /** Format of the index keys. */
  readonly index: RowFormat;
  /** Positions in a page. */
  readonly pageRows: number;
}

/** Rows of equal length that follow each other in a block of a page. */
export interface Strip {
  /** Bytes from the start of the block to the first row. */
  readonly offset: number;
  /** Bytes from one row to the next. */
  readonly stride: number;
}

/** Where the rows of one layer lie in a page. */
export interface LayerPlace {
  /** The selection group that the layer belongs to. */
  readonly group: number;
  /** Bytes from the start of a row of the group to the part of this layer. */
  readonly rowOffset: number;
  /** The index keys of the layer. Only full layers have some. */
  readonly keys: Strip | undefined;
}

/** Everything that decides how large a page is and where its rows lie. */
export interface PageLayout {
  /** How rows are stored. */
  readonly format: PageFormat;
  /** Numbers in a latent. */
  readonly nLatent: number;
  /** Numbers in a rotary key. */
  readonly nRope: number;
  /** Numbers in an index key. */
  readonly nKey: number;
  /** The rows of each selection group. */
  readonly groups: readonly Strip[];
  /** The place of each layer. */
  readonly layers: readonly LayerPlace[];
  /** Bytes of the block of latent rows. */
  readonly rowsBytes: number;
  /** Bytes of the block of index keys. */
  readonly keysBytes: number;
}

/** Positions in a page, by default. */
export const PAGE_ROWS = 64;

/**
 * Returns the layout of a page.
 *
 * @param indexerTypes the kinds of the layers that are cached: all main layers, or the MTP layer
 *   alone
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
