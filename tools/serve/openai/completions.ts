import type { Hono } from "hono";
import type { ServeEnv, Service } from "../service.ts";
export function addCompletions(_app: Hono<ServeEnv>, _service: Service): void {}
