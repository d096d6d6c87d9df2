/**
 * What a server says of itself: whether it takes requests, which version it is, and what it has counted.
 * @module
 */
import type { Hono } from "hono";
import type { Metrics } from "./metrics.ts";
import { addRoute } from "./routes.ts";
import { ServeError } from "./serve-error.ts";
import type { ServeEnv, Service } from "./service.ts";

/** Adds `/health`, `/version` and `/metrics`. */
export function addStatus(app: Hono<ServeEnv>, service: Service, metrics: Metrics): void {
  const health = { method: "get", path: "/health", about: "Whether requests are taken." } as const;
  addRoute(app, service, health, (c) => {
    if (service.desk.isOpen) return c.json({});
    throw new ServeError("unavailable", "server", "it is starting or ending");
  });
  const version = { method: "get", path: "/version", about: "The version of the server." } as const;
  addRoute(app, service, version, (c) => c.json({ version: service.options.version ?? "unknown" }));
  const counts = { method: "get", path: "/metrics", about: "Numbers for Prometheus." } as const;
  addRoute(app, service, counts, (c) => {
    return c.text(metrics.text(), 200, {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
    });
  });
}
