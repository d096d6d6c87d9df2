/**
 * `GET /v1/models`: what is served. The fields of OpenAI's and Anthropic's lists stand side by side, so
 * that the clients of both read it.
 * @module
 */
import type { Hono } from "hono";
import { checkModel } from "../fields.ts";
import { addRoute } from "../routes.ts";
import { createdAt, type ServeEnv, type Service } from "../service.ts";

/** Adds the paths. */
export function addModels(app: Hono<ServeEnv>, service: Service): void {
  addRoute(app, service, { method: "get", path: "/v1/models", about: "Lists the models." }, (c) => {
    const data = [service.desk.model.name, ...(service.options.aliases ?? [])].map((id) =>
      modelCard(id, service),
    );
    const [first, last] = [data[0].id, data[data.length - 1].id];
    return c.json({ object: "list", data, first_id: first, last_id: last, has_more: false });
  });
  const one = { method: "get", path: "/v1/models/:id{.+}", about: "Describes a model." } as const;
  addRoute(app, service, one, (c) => {
    const id = c.req.param("id");
    checkModel(id, service);
    return c.json(modelCard(id ?? service.desk.model.name, service));
  });
}

function modelCard(id: string, service: Service) {
  const created = createdAt(service);
  return {
    id,
    object: "model",
    created,
    owned_by: "glm52.ts",
    max_model_len: service.desk.model.maxContext,
    type: "model",
    display_name: id,
    created_at: new Date(created * 1000).toISOString(),
  };
}
