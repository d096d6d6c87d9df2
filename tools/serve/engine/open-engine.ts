/**
 * Opens a model for a server, and puts a scheduler before it. It runs where the engine runs: on the worker.
 *
 * Next: engine-program.ts
 * @module
 */
import { newPagePool, type PageFormat, PagePool, Scheduler } from "../../../engine/index.ts";
import { constraintOf, openMatchers } from "../../constrain/index.ts";
import { bytes } from "../../inspect/units.ts";
import { readTokenizer } from "../../library/tokenizer-files.ts";
import { withFiles } from "../../node/file-source.ts";
import { type FolderStream, type OpenFolderOptions, openModel } from "../../node/open.ts";
import { UserError } from "../../node/user-error.ts";
import { fingerprintHash, fingerprintOf } from "../../sessions/fingerprint.ts";
import { keepRows } from "./keep-rows.ts";
import type { EngineAbout, FromEngine } from "./protocol.ts";
import { Runner } from "./runner.ts";

/** Memory for the rows of texts, when nobody says how much. */
const ROW_BYTES = 2 ** 30;

/** Of the memory of a backend that is left, at most this share is for rows; steps take some of the rest. */
const SHARE_OF_LEFT = 1 / 2;

/** A step of a model that is read from its files reads all of it, so it should have many rows. */
const STREAMED_ROWS = 4096;

/** How an engine is set up. All of it is plain data. */
export interface EngineOptions {
  readonly open: Pick<
    OpenFolderOptions,
    "backend" | "threads" | "turbo" | "activations" | "check" | "latentEps" | "ignoreConfigKeys"
  > & { readonly stream?: Pick<FolderStream, "ram" | "guesses" | "receipt"> | undefined };
  /** The number formats of rows. */
  readonly rows: Partial<PageFormat>;
  /** Bytes for the rows of all texts together; 1 GiB by default, or less where memory is short. */
  readonly rowBytes?: number | undefined;
  /** The most positions of one text; those of the model by default. */
  readonly maxContext?: number | undefined;
  /** Guesses of the MTP layer for each step. Default 0. */
  readonly draftSteps?: number | undefined;
  /** A file in which the rows of texts are kept from one run to the next. */
  readonly keepFile?: string | undefined;
}

/** An engine that takes messages. */
export interface OpenEngine {
  readonly runner: Runner;
  readonly about: EngineAbout;
}

/**
 * Opens the model in `folder`.
 *
 * @param post is given what the engine says
 * @throws as `openModel`, {UserError} when there is no memory for rows
 */
export async function openEngine(
  folder: string,
  options: EngineOptions,
  post: (message: FromEngine) => void,
): Promise<OpenEngine> {
  const { rows, draftSteps = 0 } = options;
  const onProgress = (done: number, total: number) => post({ type: "loading", done, total });
  const { rowBytes = ROW_BYTES } = options;
  const loaded = await openModel(folder, {
    ...options.open,
    mtp: draftSteps > 0 ? "load" : "skip",
    rowBytes,
    onProgress,
  });
  try {
    const { model, sampling: _, arithmetic, assumed } = loaded;
    const { config, ops } = model;
    const tokenizer = await withFiles(folder, (files) => readTokenizer(files, config));
    const memory = ops.rowMemory();
    const { layout } = newPagePool(ops, config, rows);
    const pageBytes = layout.rowsBytes + layout.keysBytes;
    const left = SHARE_OF_LEFT * (memory.bytesLeft ?? Number.POSITIVE_INFINITY);
    const maxPages = Math.floor(Math.min(rowBytes, left) / pageBytes);
    if (maxPages < 2) {
      const what = `expected memory for two pages of ${bytes(pageBytes)}, got ${bytes(Math.min(rowBytes, left))}`;
      throw new UserError("rows", `${what}; rows in int8 take a quarter`);
    }
    const pool = new PagePool(memory, layout, { maxPages });
    const wanted = options.maxContext ?? config.maxPositionEmbeddings;
    const maxContext = Math.min(wanted, maxPages * layout.format.pageRows);
    const scheduler = new Scheduler(model, pool, {
      maxContext,
      ...(options.open.stream && { stepRows: STREAMED_ROWS }),
    });
    const { backend, activations } = ops;
    const numbers = {
      ...{ backend, activations, latentEps: options.open.latentEps },
      ...{ latent: layout.format.latent, index: layout.format.index },
    };
    const kept =
      options.keepFile === undefined
        ? undefined
        : keepRows(
            options.keepFile,
            fingerprintHash(await fingerprintOf(folder, numbers)),
            scheduler,
            pool,
          );
    const matchers = tokenizer && openMatchers(tokenizer.tokenizer, config.eosTokenIds);
    const runner = new Runner(
      {
        scheduler,
        maxPages,
        draftSteps,
        hasFixedSteps: options.open.stream !== undefined,
        constraintOf: (spec) => {
          if (matchers) return constraintOf(spec, matchers);
          throw new UserError(
            "tokenizer.json",
            "expected one beside the model, for what texts are held to",
          );
        },
        save: kept?.save,
        close: loaded.close,
      },
      post,
    );
    return {
      runner,
      about: {
        arithmetic,
        backend,
        activations,
        assumed,
        maxContext,
        rowBytes: maxPages * pageBytes,
        kept: kept && { nTokens: kept.nTokens, inFile: kept.inFile },
      },
    };
  } catch (error) {
    await loaded.close();
    throw error;
  }
}
