/**
 * `POST /v1/chat/completions`.
 *
 * Next: chat-fields.ts
 * @module
 */
import type { Hono } from "hono";
import { readBody } from "../body.ts";
import type { ChatHappening } from "../chat-ask.ts";
import { converse } from "../chat-reply.ts";
import { checkModel } from "../fields.ts";
import { addRoute } from "../routes.ts";
import { createdAt, type ServeEnv, type Service } from "../service.ts";
import { abortOf, sse, streamOf } from "../sse.ts";
import { chatAnswer, chatChunk } from "./answer-shapes.ts";
import { ChatAnswer } from "./chat-answer.ts";
import { askOf, CHAT_IGNORED, CHAT_REFUSED, type ChatFields, chatSchema } from "./chat-fields.ts";
import { type ChatHead, type ChatStep, ChatWriter, openAIUsage } from "./chat-wire.ts";
import { DONE, errorEvents } from "./stream-end.ts";
import { tidyChat } from "./tidy-chat.ts";

/** Adds the path. */
export function addChatCompletions(app: Hono<ServeEnv>, service: Service): void {
  const route = {
    ...({
      method: "post",
      path: "/v1/chat/completions",
      request: chatSchema,
      streams: true,
    } as const),
    ...{ answer: chatAnswer, chunk: chatChunk },
    about: "The next message of a conversation.",
  };
  const rules = { schema: chatSchema, ignored: CHAT_IGNORED, refused: CHAT_REFUSED };
  addRoute(app, service, route, async (c) => {
    const body = await readBody(c, service, rules);
    const { fields, json } = body;
    checkModel(fields.model, service);
    const ask = askOf(body, tidyChat(c, service, json), service);
    const head: ChatHead = {
      id: service.ids.next("chatcmpl-", c.req.path, json),
      created: createdAt(service),
      model: service.desk.model.name,
      system_fingerprint: service.ids.systemFingerprint,
    };
    const record = c.get("record");
    record.id = head.id;
    c.header("x-request-id", head.id);
    const writer = new ChatWriter({
      head,
      tokenizer: service.desk.model.tokenizer,
      n: ask.n,
      logProbs: ask.topLogProbs !== undefined,
      namesIds: fields.return_tokens_as_token_ids ?? false,
      tokenIds: fields.return_token_ids ?? false,
    });
    record.usage = () => writer.usage;
    const abort = abortOf(c);
    const happenings = converse(service.desk, ask, abort.signal, service.options.script);
    if (fields.stream) {
      const events = chunks(happenings, writer, head, fields);
      return streamOf(c, service, events, abort, { onError: errorEvents });
    }
    const answer = new ChatAnswer(ask.n);
    for await (const happening of happenings) {
      for (const step of writer.steps(happening)) answer.add(step);
    }
    return c.json(answer.body(head, writer));
  });
}

/** The events of a stream. The first one comes before the prompt is read. */
async function* chunks(
  happenings: AsyncIterable<ChatHappening>,
  writer: ChatWriter,
  head: ChatHead,
  { stream_options: options }: ChatFields,
): AsyncGenerator<string, void> {
  const isContinuous = options?.continuous_usage_stats ?? false;
  const wantsUsage = isContinuous || (options?.include_usage ?? false);
  const chunk = (choices: readonly ChatStep[]) => ({
    id: head.id,
    object: "chat.completion.chunk",
    created: head.created,
    model: head.model,
    system_fingerprint: head.system_fingerprint,
    choices,
    ...(wantsUsage && { usage: isContinuous ? openAIUsage(writer.usage) : null }),
  });
  for await (const happening of happenings) {
    const texts = writer.steps(happening).map((step) => {
      const ids = happening.type === "accepted" && step.token_ids ? writer.promptIds : undefined;
      return sse({ ...chunk([step]), ...(ids && { prompt_token_ids: ids }) });
    });
    if (texts.length > 0) yield texts.join("");
  }
  if (wantsUsage) yield sse({ ...chunk([]), usage: openAIUsage(writer.usage) });
  yield DONE;
}
