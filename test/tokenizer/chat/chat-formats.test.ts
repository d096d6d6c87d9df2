/**
 * The formats of other models of the family, against their own chat templates where these are: the
 * folder GLM52_TEMPLATES holds them as `*.jinja`, under any names.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  CHAT_FORMATS,
  type ChatFormat,
  type ChatRequest,
  type Content,
  formatOfTemplate,
  GLM_5_2,
  type Message,
  renderChat,
  type ToolMessage,
} from "../../../tokenizer/chat/index.ts";
import { loadJinja } from "../../../tools/node/jinja.ts";
import { titled } from "./chat-data.ts";
import { RandomChat } from "./random-chat.ts";

const N_RANDOM = 3000;

/** Prompts that Python made with each template. `--update` makes them anew. */
const KEPT = join(import.meta.dirname, "format-prompts");
const N_KEPT = 40;
const { GLM52_TEMPLATES, GLM52_PYTHON } = process.env;
const SKIP = GLM52_TEMPLATES === undefined ? "set GLM52_TEMPLATES" : undefined;
const FORMATS = Object.fromEntries(CHAT_FORMATS.map((format) => [format.name, format]));
const [GLM_5, GLM_5_3] = [FORMATS["GLM-5"], FORMATS["GLM-5.3"]] as [ChatFormat, ChatFormat];

/** A random conversation that this format can show. */
function requestFor(format: ChatFormat, random: RandomChat): ChatRequest {
  const { messages, ...settings } = random.request();
  const { enable_thinking, reasoning_effort, ...others } = settings;
  const low = random.once(3) ? "low" : reasoning_effort;
  const fitting = messages.map((message) => shown(message, format));
  return {
    ...others,
    messages: format === GLM_5_3 ? withIds(fitting, random) : fitting,
    ...(format.skipped && enable_thinking !== undefined && { enable_thinking }),
    ...(format.effortLine && low && { reasoning_effort: format === GLM_5_2 ? "high" : low }),
  } as ChatRequest;
}

/** Gives calls ids, and each run of texts after them, in another order. */
function withIds(messages: readonly Message[], random: RandomChat): Message[] {
  let ids: string[] = [];
  let left: string[] = [];
  return messages.map((message, i) => {
    if (message.role === "assistant") {
      const calls = message.tool_calls ?? [];
      ids = random.once(3) ? [] : calls.map((_, n) => `call-${n}`);
      const tool_calls = calls.map((call, n) => ({ ...call, ...(ids[n] && { id: ids[n] }) }));
      const run = messages.slice(i + 1);
      const end = run.findIndex(({ role }) => role !== "tool");
      const results = end < 0 ? run : run.slice(0, end);
      const isPlain = results.every(({ content }) => typeof content === "string");
      left = isPlain && results.length <= ids.length ? [...ids] : [];
      return { ...message, tool_calls } as Message;
    }
    if (message.role !== "tool" || left.length === 0) {
      left = [];
      return message;
    }
    const [id] = left.splice(random.below(left.length), 1);
    return { ...message, tool_call_id: id } as Message;
  });
}

function shown(message: Message, format: ChatFormat): Message {
  const { content } = message;
  if (message.role === "tool") return { ...message, content: resultFor(message, format) };
  return { ...message, content: withoutMedia(content as Content, format) ?? "" } as Message;
}

function withoutMedia(content: Content | undefined, { media }: ChatFormat): Content | undefined {
  if (!Array.isArray(content) || media === "reminder") return content;
  return content.filter((part) => typeof part === "string" || part.type === "text");
}

function resultFor({ content }: ToolMessage, format: ChatFormat): ToolMessage["content"] {
  if (!Array.isArray(content)) return content ?? "";
  if (!format.splitsResults) return withoutMedia(content as Content, format) ?? "";
  return content.map((part) => (typeof part === "string" ? part : { output: "x" })) as Content;
}

/** Renders one request after the other with a template. */
type Render = (requests: readonly ChatRequest[]) => readonly string[];

/** `@huggingface/jinja` 0.5.11 strips all blanks where a template names those to strip. */
const OFTEN_WRONG = /<\/think>/;

async function withJavaScript(text: string): Promise<Render> {
  const template = (await loadJinja())?.(text);
  return (requests) => requests.map((request) => template?.({ tools: [], ...request }) ?? "");
}

/** Python's jinja2, as HF transformers runs it: the template's own engine. */
function withPython(path: string): Render {
  const program = join(import.meta.dirname, "../../../tools/golden/oracle/render_chat.py");
  return (requests) => {
    const input = JSON.stringify(requests);
    const options = { input, encoding: "utf8", maxBuffer: 2 ** 30 } as const;
    return JSON.parse(execFileSync(GLM52_PYTHON ?? "", [program, path], options));
  };
}

describe.skipIf(SKIP !== undefined)(titled("each known template", SKIP), () => {
  const files = GLM52_TEMPLATES
    ? readdirSync(GLM52_TEMPLATES).filter((name) => name.endsWith(".jinja"))
    : [];

  it.each(files)(`of %s is met by ${N_RANDOM} random conversations`, async (file) => {
    const path = join(GLM52_TEMPLATES ?? "", file);
    const text = readFileSync(path, "utf8");
    const format = formatOfTemplate(createHash("sha256").update(text).digest("hex"));
    if (format === undefined) throw new Error(`${file} is not known`);
    const random = new RandomChat(57);
    const requests = Array.from({ length: N_RANDOM }, () => requestFor(format, random));
    const render = GLM52_PYTHON ? withPython(path) : await withJavaScript(text);
    const all = render(requests);
    let nCompared = 0;
    for (const [i, request] of requests.entries()) {
      const prompt = renderChat(request, { format }).text;
      const expected = all[i];
      if (!GLM52_PYTHON && format === GLM_5 && OFTEN_WRONG.test(contentsOf(request))) continue;
      nCompared++;
      if (prompt !== expected)
        expect({ i, request, prompt }).toEqual({ i, request, prompt: expected });
    }
    expect(nCompared).toBeGreaterThan(N_RANDOM / 3);
    if (GLM52_PYTHON === undefined) return;
    const kept = requests.slice(0, N_KEPT).map((request, i) => ({ request, text: all[i] }));
    const json = `[\n${kept.map((item) => JSON.stringify(item)).join(",\n")}\n]\n`;
    await expect(json).toMatchFileSnapshot(join(KEPT, `${format.name}.json`));
  });
});

function contentsOf({ messages }: ChatRequest): string {
  const replies = messages.filter(({ role }) => role === "assistant");
  return JSON.stringify(replies.map(({ content }) => content));
}

describe("prompts that Python's jinja2 made", () => {
  it.each(readdirSync(KEPT))("%s are met by that format, and by no other", (file) => {
    const cases: readonly { request: ChatRequest; text: string }[] = JSON.parse(
      readFileSync(join(KEPT, file), "utf8"),
    );
    const meets = (format: ChatFormat) =>
      cases.filter(({ request, text }) => {
        try {
          return renderChat(request, { format }).text === text;
        } catch {
          return false;
        }
      }).length;
    expect(cases).toHaveLength(N_KEPT);
    for (const format of CHAT_FORMATS) {
      if (file === `${format.name}.json`) expect(meets(format)).toBe(N_KEPT);
      else expect(meets(format)).toBeLessThan(N_KEPT - 10);
    }
  });
});

describe("formats", () => {
  const user = { role: "user", content: "Hi" } as const;
  const thought = { role: "assistant", reasoning_content: " Hm ", content: "a" } as const;
  const text = (format: ChatFormat, request: object) =>
    renderChat({ messages: [], ...request } as ChatRequest, { format }).text;

  it("differ in the effort", () => {
    for (const [effort, line] of [
      ...[
        ["low", "Low"],
        ["minimal", "Low"],
        ["medium", "High"],
        ["xhigh", "Max"],
        ["max", "Max"],
      ],
    ]) {
      const request = { reasoning_effort: effort };
      expect(text(GLM_5_3, request)).toBe(`[gMASK]<sop><|system|>Reasoning Effort: ${line}`);
    }
    expect(() => text(GLM_5, { reasoning_effort: "high" })).toThrow(
      "GLM-5 has no efforts, got high",
    );
    expect(text(GLM_5, {})).toBe("[gMASK]<sop>");
  });

  it("differ in whether thinking can be off", () => {
    const off = { enable_thinking: false, add_generation_prompt: true };
    expect(text(GLM_5, off)).toBe("[gMASK]<sop><|assistant|></think>");
    expect(text(GLM_5_2, off)).toBe("[gMASK]<sop><|assistant|><think></think>");
    expect(() => text(GLM_5_3, off)).toThrow(
      "enable_thinking: expected thinking, which GLM-5.3 cannot be without, got off",
    );
  });

  it("differ in the reasoning that is kept", () => {
    const messages = [user, thought, user];
    expect(text(GLM_5, { messages })).toContain("<|assistant|></think>a");
    expect(text(GLM_5_3, { messages })).toContain("<|assistant|><think> Hm </think>a");
    expect(text(GLM_5, { messages: [user, thought] })).toContain("<think>Hm</think>a");
    expect(text(GLM_5_3, { messages, clear_thinking: true })).toContain("<think></think>a");
  });

  it("refuse what only another one can show", () => {
    const messages = [{ role: "user", content: [{ type: "image_url", image_url: "x" }] }];
    expect(text(GLM_5_2, { messages })).toContain("unable to process this image");
    for (const format of [GLM_5, GLM_5_3]) {
      expect(() => text(format, { messages })).toThrow(
        "messages[0].content[0].type: expected text",
      );
    }
    const parts = [{ role: "tool", content: [{ type: "text", text: "x" }] }];
    expect(() => text(GLM_5, { messages: parts })).toThrow("messages[0].content[0].text");
  });
});
