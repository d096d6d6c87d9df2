/**
 * `POST /v1/responses`, the API that OpenAI's newer clients and codex speak. Nothing is kept from one
 * request to the next: a client sends the whole conversation each time.
 *
 * Next: ask.ts
 * @module
 */
import type { Hono } from "hono";
import { ignore, readBody } from "../body.ts";
import { converse } from "../chat-reply.ts";
import { codeOf, messageOf } from "../errors.ts";
import { checkModel } from "../fields.ts";
import { DONE } from "../openai/stream-end.ts";
import { addRoute } from "../routes.ts";
import type { ServeError } from "../serve-error.ts";
import { createdAt, type ServeContext, type ServeEnv, type Service } from "../service.ts";
import { abortOf, sse, streamOf } from "../sse.ts";
import { responsesAsk } from "./ask.ts";
import { ResponseWriter } from "./events.ts";
import { RESPONSES_RULES, responsesRequest } from "./request.ts";
import type { ResponseEvent } from "./shapes.ts";
import { SpokenLogProbs } from "./spoken-log-probs.ts";

const PATH = "/v1/responses";

/** Adds the Responses API to a server. */
export function addResponses(app: Hono<ServeEnv>, service: Service): void {
  const route = {
    method: "post",
    path: PATH,
    about: "Goes on with a conversation, in the shape of OpenAI's Responses and of Open Responses.",
    request: responsesRequest,
    streams: true,
  } as const;
  addRoute(app, service, route, (c) => respond(c, service));
}

async function respond(c: ServeContext, service: Service): Promise<Response> {
  const body = await readBody(c, service, RESPONSES_RULES);
  checkModel(body.fields.model, service);
  const { ask, ignored, ...rules } = responsesAsk(body, service);
  ignore(c, service, ignored);
  const id = service.ids.next("resp_", PATH, body.json);
  const suffix = id.slice("resp_".length);
  const { tokenizer } = service.desk.model;
  const writer = new ResponseWriter({
    ...rules,
    id,
    itemId: (prefix, index) => `${prefix}_${suffix}_${index}`,
    now: () => createdAt(service),
    logProbs: ask.topLogProbs === undefined ? undefined : new SpokenLogProbs(tokenizer),
  });
  const record = c.get("record");
  record.id = id;
  record.usage = () => writer.usage;
  const abort = abortOf(c);
  const happenings = converse(service.desk, ask, abort.signal, service.options.script);
  if (body.fields.stream !== true) {
    for await (const happening of happenings) writer.take(happening);
    return c.json(writer.response);
  }
  async function* events(): AsyncGenerator<string, void> {
    for await (const happening of happenings) {
      const text = written(writer.take(happening));
      if (text !== "") yield text;
    }
    yield DONE;
  }
  const onError = (error: ServeError) => {
    const failure = { code: codeOf(error), message: messageOf(error) };
    return written(writer.fail(failure)) + DONE;
  };
  return streamOf(c, service, events(), abort, { onError });
}

function written(events: readonly ResponseEvent[]): string {
  return events.map((event) => sse(event, event.type)).join("");
}
