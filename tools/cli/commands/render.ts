/**
 * `glm52 render`: from a conversation to the prompt that a model reads.
 * @module
 */
import { type Command, Option } from "commander";
import {
  type CheckOptions,
  type Json,
  type JsonObject,
  promptIds,
  renderChat,
} from "../../../tokenizer/chat/index.ts";
import { TokenizerError } from "../../../tokenizer/index.ts";
import type { Terminal } from "../terminal.ts";
import { inputJson, readInput, readTokenizer } from "../text-input.ts";

interface RenderOptions extends CheckOptions {
  readonly json?: boolean;
  readonly batch?: boolean;
  readonly controlTokens: "everywhere" | "protocol";
  readonly tokenizer?: string;
}

const HELP = `
The input is a JSON object, of which only the messages are required:
  {messages: [{role, content, reasoning_content, tool_calls}], tools: [...],
   enable_thinking: true | false, clear_thinking: true | false, add_generation_prompt: true | false,
   reasoning_effort: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max"}
The arguments of a tool call are an object, not JSON text. The order of keys and the spelling of
numbers are kept.

The output is the prompt as text; with --json, it is an object {text, ids}. With --batch, the input
is a JSON array of conversations, and the output is a JSON array of such objects.

A control token that is spelled out in a message becomes that control token, as in the official
template: whoever writes <|system|> in a message speaks as the system. With --control-tokens
protocol, it stays plain text.

Examples:
  glm52 render chat.json --json --tokenizer ~/models/GLM-5.2
  echo '{"messages": [{"role": "user", "content": "hi"}]}' | glm52 render
`;

/** Adds `glm52 render`. */
export function addRender(program: Command, { stdin, stdout }: Terminal): void {
  program
    .command("render")
    .summary("turn a conversation into a prompt")
    .description("Prints the prompt of a conversation, in the format that GLM-5.2 was trained on.")
    .argument("[file]", "file with the conversation as JSON (default: stdin)")
    .option("--json", "print JSON, with the token ids")
    .option("--batch", "read many conversations at once, and print JSON")
    .addOption(
      new Option(
        "--unknown-roles <what>",
        "what to do with a message whose role the template does not know",
      )
        .choices(["error", "drop"])
        .default("error"),
    )
    .addOption(
      new Option(
        "--control-tokens <where>",
        "take control tokens as such in messages too, or only where the protocol puts them",
      )
        .choices(["everywhere", "protocol"])
        .default("everywhere"),
    )
    .option("--tokenizer <dir>", "folder with a tokenizer.json (default: the demo model's)")
    .addHelpText("after", HELP)
    .action(async (file: string | undefined, options: RenderOptions) => {
      const input = await readInput(file, stdin);
      const value = inputJson(input);
      if (!options.json && !options.batch) {
        stdout.write(renderChat(value as JsonObject, options).text);
        return;
      }
      const tokenizer = await readTokenizer(options.tokenizer);
      const controlTokensIn = options.controlTokens;
      const render = (request: Json) => {
        const prompt = renderChat(request as JsonObject, options); // it checks the request
        const ids = promptIds(tokenizer, prompt, { controlTokensIn });
        return { text: prompt.text, ids: [...ids] };
      };
      if (!options.batch) stdout.write(`${JSON.stringify(render(value))}\n`);
      else stdout.write(`${JSON.stringify(eachOf(value, input.name, render))}\n`);
    });
}

/** Renders each conversation of an array. An error names the conversation that it is about. */
function eachOf<T>(value: Json, name: string, render: (request: Json) => T): T[] {
  if (!Array.isArray(value)) throw new TokenizerError(name, "an array", "something else");
  return value.map((request, i) => {
    try {
      return render(request);
    } catch (error) {
      if (!(error instanceof TokenizerError)) throw error;
      throw new TokenizerError(`[${i}].${error.where}`, error.expected, error.got, {
        cause: error,
      });
    }
  });
}
