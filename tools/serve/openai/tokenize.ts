/**
 * `/tokenize`, `/detokenize` and `/tokenizer_info`: the tokenizer of the model, for clients that have none.
 * @module
 */
import type { Hono } from "hono";
import * as v from "valibot";
import type { Json } from "../../../tokenizer/chat/index.ts";
import { readBody, wrong } from "../body.ts";
import { checkId, checkModel, integer, thinkingFields, thinkingIn } from "../fields.ts";
import { promptTokens, textTokens } from "../prompt-tokens.ts";
import { addRoute } from "../routes.ts";
import type { ServeEnv, Service } from "../service.ts";
import { tidyChat } from "./tidy-chat.ts";

const tokenizeBody = v.object({
  model: v.optional(v.string()),
  prompt: v.optional(v.string()),
  content: v.optional(v.string()),
  messages: v.optional(v.array(v.looseObject({ role: v.string() }))),
  tools: v.optional(v.array(v.looseObject({}))),
  add_special_tokens: v.optional(v.boolean()),
  add_generation_prompt: v.optional(v.boolean()),
  return_token_strs: v.optional(v.boolean()),
  ...thinkingFields,
});

const detokenizeBody = v.object({
  model: v.optional(v.string()),
  tokens: v.array(integer(0, 2 ** 31)),
});

/** Adds the paths. */
export function addTokenize(app: Hono<ServeEnv>, service: Service): void {
  const { tokenizer, maxContext } = service.desk.model;
  const tokenize = {
    ...({ method: "post", path: "/tokenize", request: tokenizeBody } as const),
    about: "The tokens of a text, or of the prompt of a conversation.",
  };
  addRoute(app, service, tokenize, async (c) => {
    const { json, fields } = await readBody(c, service, { schema: tokenizeBody });
    if (fields.model !== undefined) checkModel(fields.model, service);
    const given = [fields.prompt, fields.content, fields.messages].filter((x) => x !== undefined);
    if (given.length !== 1)
      wrong("prompt", "one of prompt, content, messages", String(given.length));
    const text = fields.prompt ?? fields.content;
    let tokens: number[];
    if (text === undefined) {
      const chat = new Map<string, Json>([
        ...tidyChat(c, service, json),
        ...thinkingIn(json, service),
        ["add_generation_prompt", fields.add_generation_prompt ?? true],
      ]);
      tokens = await promptTokens(tokenizer, service.desk.model.template.render(chat));
    } else {
      tokens = await textTokens(tokenizer, text);
      if (fields.add_special_tokens !== false) {
        tokens = [...tokenizer.prefixIds, ...tokens, ...tokenizer.suffixIds];
      }
    }
    const strings = fields.return_token_strs ? tokens.map((id) => tokenizer.decode([id])) : null;
    return c.json({
      count: tokens.length,
      max_model_len: maxContext,
      tokens,
      token_strs: strings,
    });
  });
  const detokenize = {
    ...({ method: "post", path: "/detokenize", request: detokenizeBody } as const),
    about: "The text of some tokens.",
  };
  addRoute(app, service, detokenize, async (c) => {
    const { fields } = await readBody(c, service, { schema: detokenizeBody });
    if (fields.model !== undefined) checkModel(fields.model, service);
    for (const [i, id] of fields.tokens.entries()) {
      checkId(id, id, `tokens[${i}]`, {
        ...service.desk.model,
        vocabulary: tokenizer.paddedVocabSize,
      });
    }
    return c.json({ prompt: tokenizer.decode(fields.tokens) });
  });
  const info = { method: "get", path: "/tokenizer_info", about: "The tokenizer." } as const;
  addRoute(app, service, info, (c) => {
    const { eosTokenIds, templateText } = service.desk.model;
    const [end] = eosTokenIds;
    const endText = end === undefined ? null : tokenizer.decode([end]);
    return c.json({
      tokenizer_class: "PreTrainedTokenizerFast",
      eos_token: endText,
      bos_token: null,
      pad_token: endText,
      chat_template: templateText ?? null,
    });
  });
}
