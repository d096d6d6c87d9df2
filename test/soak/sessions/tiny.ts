/**
 * The model of the soaks: a case of the golden pack, which starts in a moment.
 * @module
 */
import { join } from "node:path";
import { type Model, Session } from "../../../engine/index.ts";
import { openModel } from "../../../tools/node/index.ts";
import { fingerprintOf } from "../../../tools/sessions/fingerprint.ts";
import type { SessionFile } from "../../../tools/sessions/session-file.ts";

/** The folder of the model. The soaks are started in the folder of the project. */
export const TINY: string = join(process.cwd(), "golden/cases/tiny-all/model");
/** Positions in a page. */
const PAGE_ROWS = 8;

/** Opens the model, in the backend that is the specification. */
export async function openTiny(): Promise<Model> {
  const { model } = await openModel(TINY, { backend: "reference" });
  return model;
}

/** A new session of the model. */
export function newSession(model: Model, pageRows: number = PAGE_ROWS): Session {
  return new Session(model, { rows: { pageRows } });
}

/** What a saved session of the model is made with. */
export async function aboutTiny(model: Model): Promise<Omit<SessionFile, "version">> {
  const { rowsBytes, keysBytes } = newSession(model).pool.layout;
  const format = { latent: "f32", index: "f32", latentEps: undefined };
  const made = await fingerprintOf(TINY, { backend: "reference", activations: "f32", ...format });
  const pageBytes = rowsBytes + keysBytes;
  return { kind: "text", model: TINY, created: "now", made, pageRows: PAGE_ROWS, pageBytes };
}
