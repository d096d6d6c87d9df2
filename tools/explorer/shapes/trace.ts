/**
 * What the page knows of a trace file.
 * @module
 */
import type { LayerFacts, StageFacts } from "./model.ts";

/** Opens a `glm52-trace 1` file, or any safetensors file with its names. */
export interface TraceAsk {
  /** A file that the reader chose, or else the address of one on a server that gives parts of files. */
  readonly file?: Blob;
  readonly url?: string;
  readonly name: string;
}

/** What a trace file holds. */
export interface TraceFacts {
  readonly name: string;
  readonly tokens: number;
  /** Its token ids, where the file says them. */
  readonly ids: readonly number[] | undefined;
  /** Layers, `full` where there are scores. `routerBias` is never known. */
  readonly layers: readonly LayerFacts[];
  readonly stages: readonly StageFacts[];
  /** For views that cannot be drawn: the stages that a new trace should have. */
  readonly lacks: readonly string[];
  /** How it was made, as the file says. */
  readonly origin: Readonly<Record<string, string>>;
}

/** Looks at a token of the trace that was opened last. */
export interface TraceLookAsk {
  readonly t: number;
}
