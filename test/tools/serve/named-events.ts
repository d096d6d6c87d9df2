/**
 * Asks a server as clients do, and reads streams whose events have names.
 * @module
 */
import { serveApp } from "../../../tools/serve/app.ts";
import type { Order } from "../../../tools/serve/desk.ts";
import type { ServeOptions } from "../../../tools/serve/service.ts";
import { type Script, ScriptedDesk } from "../../support/scripted-desk.ts";

/** A server that plays a script. */
export function played(
  script: Script | ((order: Order, number: number) => Script) = {},
  options: ServeOptions = {},
) {
  const desk = new ScriptedDesk(script);
  const app = serveApp(desk, { clock: false, ...options });
  return {
    desk,
    app,
    post: (path: string, body: unknown, init: RequestInit = {}) =>
      app.request(path, { method: "POST", body: JSON.stringify(body), ...init }),
    /** The last prompt, as text. */
    prompt: () => desk.model.tokenizer.decode([...desk.last.order.ids]),
  };
}

/** The events of a stream as they stand, without comments. What is no JSON stays a text. */
export async function namedEvents(response: Response) {
  const blocks = (await response.text()).split("\n\n").filter((block) => !/^(:|$)/.test(block));
  return blocks.map((block) => {
    const name = /^event: (.*)$/m.exec(block)?.[1];
    const data = /^data: (.*)$/m.exec(block)?.[1] ?? "";
    return { name, data: data.startsWith("{") ? JSON.parse(data) : data };
  });
}
