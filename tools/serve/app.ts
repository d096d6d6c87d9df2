/**
 * The server as a function from requests to answers. It opens no port, so tests call it as it is.
 *
 * Next: chat-ask.ts
 * @module
 */
import { Hono } from "hono";
import type { Desk } from "./desk.ts";
import { asServeError, openAIError } from "./errors.ts";
import { addGuards } from "./guard.ts";
import { addMessages } from "./messages/messages.ts";
import { Metrics } from "./metrics.ts";
import { addChatCompletions } from "./openai/chat-completions.ts";
import { addCompletions } from "./openai/completions.ts";
import { addModels } from "./openai/models.ts";
import { addTokenize } from "./openai/tokenize.ts";
import { addOpenApi } from "./openapi.ts";
import { RequestIds } from "./request-ids.ts";
import { addResponses } from "./responses/responses.ts";
import { ServeError } from "./serve-error.ts";
import {
  CLIENT_GONE,
  type RequestRecord,
  type ServeContext,
  type ServeEnv,
  type ServeOptions,
  type Service,
} from "./service.ts";
import { addStatus } from "./status.ts";

/** Makes the server. */
export function serveApp(desk: Desk, options: ServeOptions = {}): Hono<ServeEnv> {
  const app = new Hono<ServeEnv>();
  const metrics = new Metrics(desk);
  const service = serviceOf(metrics.watched(options.timeout), options);
  app.use(async (c, next) => {
    const { method, path } = c.req;
    const record: RequestRecord = {
      method,
      path,
      start: performance.now(),
      status: 0,
      isStream: false,
    };
    c.set("record", record);
    await next();
    record.status ||= c.res.status;
    if (!record.isStream) service.isOver(record, record.status);
  });
  addGuards(app, options);
  addStatus(app, service, metrics);
  addModels(app, service);
  addTokenize(app, service);
  addChatCompletions(app, service);
  addCompletions(app, service);
  addResponses(app, service);
  addMessages(app, service);
  addOpenApi(app, service);
  app.notFound((c) => answerError(c, service, missing(app, c)));
  app.onError((error, c) => answerError(c as ServeContext, service, error));
  return app;
}

function serviceOf(desk: Desk, options: ServeOptions): Service {
  const over = new WeakSet<RequestRecord>();
  return {
    desk,
    options,
    ids: new RequestIds(desk.model.fingerprint),
    routes: [],
    errorShapes: new Map(),
    explain(cause) {
      const error = asServeError(cause);
      if (error !== cause && error.kind === "failed") options.onBug?.(cause);
      return error;
    },
    isOver(record, status) {
      if (over.has(record)) return;
      over.add(record);
      record.status = status;
      options.log?.(record);
    },
  };
}

/** Answers with an error, in the shape of the API that was asked. */
function answerError(c: ServeContext, service: Service, cause: unknown): Response {
  const record = c.get("record");
  if (c.req.raw.signal.aborted) {
    record.status = CLIENT_GONE; // nobody reads what is answered
    return new Response(null, { status: 408 });
  }
  const error = service.explain(cause);
  record.error = error.kind;
  const shape = [...service.errorShapes].find(([prefix]) => c.req.path.startsWith(prefix))?.[1];
  const { status, body, headers } = (shape ?? openAIError)(error);
  return Response.json(body, { status, headers });
}

/** Says what a path that leads nowhere lacks: itself, or the method. */
function missing(app: Hono<ServeEnv>, c: ServeContext): ServeError {
  const { method, path } = c.req;
  const methods = app.routes
    .filter((route) => route.method !== "ALL" && matches(route.path, path))
    .map((route) => route.method);
  if (methods.length === 0) {
    return new ServeError(
      "not-found",
      path.slice(0, 100),
      "there is no such path; /openapi.json lists them",
    );
  }
  return new ServeError(
    "method",
    path.slice(0, 100),
    `expected ${methods.join(" or ")}, got ${method}`,
  );
}

/** Whether a path fits a pattern like `/v1/models/:id`, or `/v1/models/:id{.+}` for any number of steps. */
function matches(pattern: string, path: string): boolean {
  const steps = pattern.split("/").map((step) => {
    if (step.startsWith(":")) return step.endsWith("{.+}") ? ".+" : "[^/]+";
    return step.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${steps.join("/")}$`).test(path);
}
