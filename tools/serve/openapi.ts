/**
 * `GET /openapi.json`: what the server can be asked for, in OpenAPI 3.1. The bodies are described by the
 * schemas that check them.
 * @module
 */
import { toJsonSchema } from "@valibot/to-json-schema";
import type { Hono } from "hono";
import type { GenericSchema } from "valibot";
import { addRoute } from "./routes.ts";
import type { ApiRoute, ServeEnv, Service } from "./service.ts";

/** Adds the path. It describes all routes, also those that are added after it. */
export function addOpenApi(app: Hono<ServeEnv>, service: Service): void {
  const route = { method: "get", path: "/openapi.json", about: "This document." } as const;
  addRoute(app, service, route, (c) => c.json(describe(service)));
}

function describe({ routes, options, errorShapes }: Service): object {
  const paths: Record<string, Record<string, object>> = {};
  const schemas: Record<string, object> = { Error: ERROR, TypedError: TYPED_ERROR };
  for (const route of routes) {
    const path = openPath(route);
    const isTyped = [...errorShapes.keys()].some((prefix) => route.path.startsWith(prefix));
    const error = isTyped ? "TypedError" : "Error";
    paths[path] = { ...paths[path], [route.method]: operation(route, error, schemas) };
  }
  const keyed = options.apiKey !== undefined;
  return {
    openapi: "3.1.0",
    info: { title: "glm52 serve", version: options.version ?? "unknown" },
    paths,
    components: {
      ...(keyed && { securitySchemes: { key: { type: "http", scheme: "bearer" } } }),
      schemas,
    },
    ...(keyed && { security: [{ key: [] }] }),
  };
}

/** What an error looks like in OpenAI's APIs. */
const ERROR = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["message", "type", "param", "code"],
      properties: {
        message: { type: "string" },
        type: { type: "string" },
        param: { type: ["string", "null"] },
        code: { type: ["string", "null"] },
      },
    },
  },
} as const;

/** What an error looks like in Anthropic's API. */
const TYPED_ERROR = {
  type: "object",
  required: ["type", "error", "request_id"],
  properties: {
    type: { const: "error" },
    error: {
      type: "object",
      required: ["type", "message"],
      properties: { type: { type: "string" }, message: { type: "string" } },
    },
    request_id: { type: "string" },
  },
} as const;

/** The parameters in a path of hono. */
const PARAMETER = /:(\w+)(?:\{[^}]*\})?/g;

function openPath({ path }: ApiRoute): string {
  return path.replace(PARAMETER, "{$1}");
}

/** @param schemas takes the parts of the body's schema that stand in several places */
function operation(
  { path, about, request, answer, streams, chunk }: ApiRoute,
  error: string,
  schemas: Record<string, object>,
): object {
  const named = [...path.matchAll(PARAMETER)].map(([, name]) => ({
    ...{ name, in: "path", required: true },
    schema: { type: "string" },
  }));
  const described = answer && schemaOf(answer, path, schemas);
  const json = { "application/json": { schema: described ?? { type: "object" } } };
  // OpenAPI 3.1 has no word for the events of a stream; this one is from 3.2.
  const item = chunk && { "x-itemSchema": schemaOf(chunk, path, schemas) };
  const events = { "text/event-stream": { schema: { type: "string" }, ...item } };
  return {
    summary: about,
    ...(named.length > 0 && { parameters: named }),
    ...(request && {
      requestBody: {
        required: true,
        content: { "application/json": { schema: schemaOf(request, path, schemas) } },
      },
    }),
    responses: {
      200: { description: "The answer.", content: { ...json, ...(streams && events) } },
      default: {
        description: "An error.",
        content: { "application/json": { schema: { $ref: refTo(error) } } },
      },
    },
  };
}

function schemaOf(schema: GenericSchema, path: string, schemas: Record<string, object>): object {
  const nameOf = (part: string) => `${path.slice(1).replaceAll("/", ".")}.${part}`;
  const {
    $schema: _,
    $defs: parts = {},
    ...described
  } = toJsonSchema(schema, {
    errorMode: "ignore",
    overrideRef: ({ referenceId }) => refTo(nameOf(referenceId)),
  });
  for (const [part, described] of Object.entries(parts))
    schemas[nameOf(part)] = described as object;
  return described;
}

function refTo(name: string): string {
  return `#/components/schemas/${name}`;
}
