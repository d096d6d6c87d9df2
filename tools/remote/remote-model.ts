/**
 * A model whose weights are elsewhere: what is known of it here.
 *
 * Next: endpoint-voice.ts
 * @module
 */
import type { SamplingOptions } from "../../engine/index.ts";
import { promptIds } from "../../tokenizer/chat/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { ChatTemplate } from "../library/chat-template.ts";
import { type OpenBesideOptions, openBeside } from "../node/open-beside.ts";
import { demoModel } from "../node/our-package.ts";
import { UserError } from "../node/user-error.ts";
import type { RemotePrompt } from "./endpoint.ts";

/** The model. */
export interface RemoteModel {
  /** The name of its folder. */
  readonly name: string;
  readonly folder: string;
  readonly tokenizer: Tokenizer;
  /** Ids before a plain text. */
  readonly textStart: readonly number[];
  readonly template: ChatTemplate;
  /** How tokens are chosen when nobody says it. */
  readonly sampling: SamplingOptions;
  readonly stopIds: readonly number[];
  readonly vocabSize: number;
  /** Positions that the model was made for. */
  readonly maxContext: number;
}

/**
 * Reads the files of a model beside its weights, which need not be there. Without a folder, those of the
 * demo model.
 *
 * @throws {UserError} when the folder has no tokenizer
 */
export async function openRemoteModel(
  folder: string | undefined,
  options: OpenBesideOptions = {},
): Promise<RemoteModel> {
  const path = folder ?? (await demoModel());
  const { name, opened, template, sampling, config } = await openBeside(path, {
    ...options,
    use: "lengths", // how the weights are stored is the server's matter
  });
  if (!opened) throw new UserError(path, "expected a tokenizer.json in it, found none");
  return {
    ...{ name, folder: path, template, sampling },
    ...{ tokenizer: opened.tokenizer, textStart: opened.textStart },
    stopIds: config.eosTokenIds,
    vocabSize: config.vocabSize,
    maxContext: config.maxPositionEmbeddings,
  };
}

/** A short prompt of the model, to find out what a server can do. */
export function probeOf({ template, tokenizer }: RemoteModel): RemotePrompt {
  if (template.refusal) throw template.refusal;
  const messages = [{ role: "user", content: "Hi" }] as const;
  const prompt = template.render({ messages, add_generation_prompt: true });
  const ids = [...promptIds(tokenizer, prompt, { controlTokensIn: "protocol" })];
  return { ids, text: prompt.text };
}
