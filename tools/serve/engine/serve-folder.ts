/**
 * Opens the model in a folder for a server: what the server itself needs of it, and the desk before its
 * engine.
 *
 * Next: ../app.ts
 * @module
 */
import { basename, resolve } from "node:path";
import { traceShape } from "../../../engine/index.ts";
import type { TemplateChoice } from "../../library/chat-template.ts";
import { mustHaveConfig } from "../../node/not-a-model.ts";
import { openBeside } from "../../node/open-beside.ts";
import { demoModel } from "../../node/our-package.ts";
import { checkWritable } from "../../node/output.ts";
import { fingerprintHash, fingerprintOf } from "../../sessions/fingerprint.ts";
import type { ServedModel } from "../desk.ts";
import { EngineDesk } from "./engine-desk.ts";
import { IdTokenizer } from "./id-tokenizer.ts";
import type { EngineOptions } from "./open-engine.ts";
import type { EngineAbout } from "./protocol.ts";
import { type EngineWatch, startEngine } from "./start-engine.ts";

/** How a folder is served. */
export interface ServeFolderOptions extends EngineOptions {
  /** The name that requests give; that of the folder by default. */
  readonly name?: string | undefined;
  readonly chatTemplate?: TemplateChoice | undefined;
  /** The most requests that may wait and run at once. */
  readonly maxOrders?: number | undefined;
}

/** A model that takes orders. */
export interface ServedFolder {
  readonly desk: EngineDesk;
  readonly about: EngineAbout;
}

/**
 * Opens the model in `folder`; without one, the demo model that ships with the package.
 *
 * @throws {UserError} for a folder that is no model
 */
export async function serveFolder(
  folder: string | undefined,
  options: ServeFolderOptions,
  watch: Partial<EngineWatch> = {},
): Promise<ServedFolder> {
  const path = folder ?? (await demoModel());
  await mustHaveConfig(path);
  if (options.keepFile !== undefined) await checkWritable(options.keepFile, [path]);
  const beside = await readBeside(path, options);
  const { name, maxOrders, chatTemplate: _, ...engine } = options;
  let desk: EngineDesk | undefined;
  const { port, about } = await startEngine(
    { folder: path, options: engine },
    {
      ...watch,
      onDeath: (why) => {
        desk?.died(why);
        watch.onDeath?.(why);
      },
    },
  );
  const numbers = {
    backend: about.backend,
    activations: about.activations,
    latent: options.rows.latent ?? "f32",
    index: options.rows.index ?? "f32",
    latentEps: options.open.latentEps,
    chatTemplate: beside.template.mark,
  };
  const hash = fingerprintHash(await fingerprintOf(path, numbers));
  const model = {
    ...beside,
    name: name ?? basename(resolve(path)),
    fingerprint: `fp_${hash.slice(0, 24)}`,
    maxContext: about.maxContext,
  };
  desk = new EngineDesk(model, port, { maxOrders });
  return { desk, about };
}

/** What the server needs of the files beside the weights. */
async function readBeside(
  path: string,
  { open, chatTemplate }: ServeFolderOptions,
): Promise<Omit<ServedModel, "name" | "fingerprint" | "maxContext">> {
  const beside = await openBeside(path, { ...open, chatTemplate });
  const { config, sampling, template, templateText } = beside;
  const tokenizer =
    beside.opened?.tokenizer ?? new IdTokenizer(config.vocabSize, config.eosTokenIds);
  return {
    vocabulary: tokenizer.vocabSize,
    sampling: { ...sampling, vocabLimit: tokenizer.vocabSize },
    eosTokenIds: config.eosTokenIds,
    layers: traceShape(config),
    ...{ tokenizer, template, templateText },
  };
}
