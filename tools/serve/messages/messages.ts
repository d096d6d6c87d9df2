/**
 * `POST /v1/messages` and `/v1/messages/count_tokens`, the API that Anthropic's clients speak.
 *
 * Next: ask.ts
 * @module
 */
import type { Hono } from "hono";
import { type Json, pythonJson } from "../../../tokenizer/chat/index.ts";
import { ignore, readBody } from "../body.ts";
import { converse } from "../chat-reply.ts";
import { checkModel } from "../fields.ts";
import { promptTokens } from "../prompt-tokens.ts";
import type { ServeError } from "../serve-error.ts";
import type { ServeContext, ServeEnv, Service } from "../service.ts";
import { abortOf, sse, streamOf } from "../sse.ts";
import { messagesAsk, promptOf } from "./ask.ts";
import { anthropicError } from "./errors.ts";
import { MessageWriter } from "./events.ts";
import { countRequest, IGNORED, messagesRequest } from "./request.ts";
import type { MessageEvent } from "./shapes.ts";

const PATH = "/v1/messages";
const COUNT_PATH = `${PATH}/count_tokens`;

/** Adds the Messages API to a server. */
export function addMessages(app: Hono<ServeEnv>, service: Service): void {
  const method = "post";
  service.routes.push(
    {
      method,
      path: PATH,
      about: "Goes on with a conversation, in the shape of Anthropic's Messages.",
      request: messagesRequest,
      streams: true,
    },
    {
      method,
      path: COUNT_PATH,
      about: "Counts the tokens of such a conversation.",
      request: countRequest,
    },
  );
  service.errorShapes.set(PATH, (error) =>
    anthropicError(error, service.ids.next("req_", PATH, error.message)),
  );
  app.post(PATH, (c) => message(c, service));
  app.post(COUNT_PATH, (c) => count(c, service));
}

async function message(c: ServeContext, service: Service): Promise<Response> {
  const body = await readBody(c, service, { schema: messagesRequest, ignored: IGNORED });
  checkModel(body.fields.model, service);
  const { ask, omitsThinking, ignored } = messagesAsk(body, service);
  ignore(c, service, ignored);
  const id = service.ids.next("msg_", PATH, body.json);
  const requestId = id.replace("msg_", "req_");
  c.header("request-id", requestId);
  const writer = new MessageWriter({ id, model: service.desk.model.name, omitsThinking });
  const record = c.get("record");
  record.id = id;
  record.usage = () => writer.usage;
  const abort = abortOf(c);
  const happenings = converse(service.desk, ask, abort.signal, service.options.script);
  if (body.fields.stream !== true) {
    for await (const happening of happenings) writer.take(happening);
    // The inputs of tools keep the order of their keys and their digits.
    const text = pythonJson(writer.message as unknown as Json);
    return c.body(text, 200, { "content-type": "application/json" });
  }
  async function* events(): AsyncGenerator<string, void> {
    for await (const happening of happenings) {
      const text = written(writer.take(happening));
      if (text !== "") yield text;
    }
  }
  const onError = (error: ServeError) => sse(anthropicError(error, requestId).body, "error");
  return streamOf(c, service, events(), abort, { onError, ping: written([{ type: "ping" }]) });
}

async function count(c: ServeContext, service: Service): Promise<Response> {
  const body = await readBody(c, service, { schema: countRequest, ignored: IGNORED });
  checkModel(body.fields.model, service);
  const { chat, ignored } = promptOf(body, service);
  ignore(c, service, ignored);
  c.header("request-id", service.ids.next("req_", COUNT_PATH, body.json));
  const { template, tokenizer } = service.desk.model;
  const prompt = template.render({ ...chat, add_generation_prompt: true }, { unknown: "drop" });
  const ids = await promptTokens(tokenizer, prompt);
  return c.json({ input_tokens: ids.length });
}

function written(events: readonly MessageEvent[]): string {
  return events.map((event) => sse(event, event.type)).join("");
}
