import { it } from "vitest";
import { serveApp } from "../../../tools/serve/app.ts";
import { ScriptedDesk } from "../../support/scripted-desk.ts";
it("x", async () => {
  const desk = new ScriptedDesk({ texts: ["Hello 🦙 you."] });
  const app = serveApp(desk, { clock: false, onBug: console.error });
  for (const extra of [{}, {prompt: [[1,2,3],[4,5]], max_tokens: 1, temperature: 0, logprobs: 1, echo: true, seed: 1234},  { stream: true, logprobs: 1 }, {n: 2, echo: true, stream: true, return_token_ids: true}]) {
    const r = await app.request("/v1/completions", { method: "POST", body: JSON.stringify({ prompt: "One 🦙", ...extra }) });
    console.log(r.status, r.headers.get("x-glm52-ignored"), await r.text());
  }
  console.log(await (await app.request("/openapi.json")).text());
});
