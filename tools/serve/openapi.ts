import type { Hono } from "hono";
import type { ServeEnv, Service } from "./service.ts";
export function addOpenApi(_app: Hono<ServeEnv>, _service: Service): void {}
