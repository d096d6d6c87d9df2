/** Tests of `--chat-template`, and of `--system` on a saved conversation. */
import { cpSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DEMO_MODEL, scratchFolder } from "../../support/paths.ts";
import { glm52 } from "./fake-terminal.ts";

const scratch = scratchFolder();
const folder = join(scratch, "model");
for (const file of ["config.json", "tokenizer.json", "generation_config.json"]) {
  cpSync(join(DEMO_MODEL, file), join(folder, file));
}
symlinkSync(join(DEMO_MODEL, "model.safetensors"), join(folder, "model.safetensors"));
writeFileSync(
  join(folder, "chat_template.jinja"),
  "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}!{% endfor %}<|assistant|>",
);

const typed = (text: string) => ({ stdin: new TextEncoder().encode(text) });
const REFERENCE = ["--backend", "reference", "--max-tokens", "4"];
const HI = '{"messages": [{"role": "user", "content": "Hi"}]}';

describe("the template in the folder", () => {
  it("renders, and --chat-template builtin takes GLM-5.2's", async () => {
    const argv = ["render", "--tokenizer", folder];
    expect((await glm52(argv, typed(HI))).stdout).toBe("<|user|>Hi!<|assistant|>");
    const builtin = await glm52([...argv, "--chat-template", "builtin"], typed(HI));
    expect(builtin.stdout).toBe("[gMASK]<sop><|system|>Reasoning Effort: Max<|user|>Hi");
    expect((await glm52(["render"], typed(HI))).stdout).toBe(builtin.stdout);
  });

  it("is named by inspect, and by --verbose of render and chat", async () => {
    const named = /chat template: an unknown one, in chat_template.jinja, SHA-256 [0-9a-f]{12}…/;
    expect((await glm52(["inspect", folder])).stdout).toMatch(named);
    expect((await glm52(["inspect", DEMO_MODEL])).stdout).toContain("chat template: GLM-5.2's");
    expect((await glm52(["render", "--tokenizer", folder, "--verbose"], typed(HI))).stderr).toMatch(
      named,
    );
    const chat = ["chat", "--model", folder, ...REFERENCE, "--verbose"];
    expect((await glm52(chat, typed("Hi\n"))).stderr).toMatch(named);
  });

  it("belongs to a saved conversation, which another one does not go on with", async () => {
    const chat = ["chat", "--model", folder, ...REFERENCE, "--session", "t", "--sessions", scratch];
    expect((await glm52(chat, typed("Hi\n"))).code).toBe(0);
    expect((await glm52(chat, typed("Hi\n"))).code).toBe(0);
    const { code, stderr } = await glm52([...chat, "--chat-template", "builtin"], typed("Hi\n"));
    expect(code).toBe(1);
    expect(stderr).toMatch(/it was made with chat-template [0-9a-f]{12}…, got nothing/);
  });
});

describe("--system on a saved conversation", () => {
  const chat = ["chat", ...REFERENCE, "--sessions", scratch];
  const say = (...more: string[]) => glm52([...chat, ...more], typed("Hi\n"));

  it("must be what it began with, or nothing", async () => {
    expect((await say("--session", "s", "--system", "Be brief.")).code).toBe(0);
    expect((await say("--session", "s")).code).toBe(0);
    expect((await say("--session", "s", "--system", "Be brief.")).code).toBe(0);
    const { code, stderr } = await say("--session", "s", "--system", "Be long.");
    expect(code).toBe(1);
    expect(stderr).toContain("system: expected what the saved conversation began with, or nothing");
    expect(stderr).toContain("Be brief.");
    expect((await say("--session", "s")).code).toBe(0); // it was closed, and is as it was
  });

  it("is refused where it began without one", async () => {
    expect((await say("--session", "n")).code).toBe(0);
    expect((await say("--session", "n", "--system", "Be brief.")).code).toBe(1);
  });

  it("is what /reset goes back to", async () => {
    const file = join(scratch, "saved.json");
    const stdin = typed(`/reset\n/save ${file}\n`);
    expect((await glm52([...chat, "--session", "s"], { ...stdin, isTyped: true })).code).toBe(0);
    const { stdout, stderr } = await glm52(["render", file]);
    expect(stderr).toBe("");
    expect(stdout).toBe("[gMASK]<sop><|system|>Reasoning Effort: Max<|system|>Be brief.");
  });
});
