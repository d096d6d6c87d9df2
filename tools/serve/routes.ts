/**
 * Adds paths to a server, under all the names that they have, and to the document that describes them.
 * @module
 */
import type { Hono } from "hono";
import type { ApiRoute, ServeContext, ServeEnv, Service } from "./service.ts";

/** The beginning of the paths of Z.ai's API, which has the same shapes. */
const ZAI = "/api/paas/v4";

/** Adds one thing that a server can be asked for. */
export function addRoute(
  app: Hono<ServeEnv>,
  service: Service,
  route: ApiRoute,
  answer: (c: ServeContext) => Response | Promise<Response>,
): void {
  service.routes.push(route);
  const paths = [route.path];
  if (route.path.startsWith("/v1/")) paths.push(route.path.replace("/v1", ZAI));
  for (const path of paths) app[route.method](path, (c) => answer(c));
}
