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
Arguments of tool calls are objects, not JSON text. Key order and numbers are kept as written.

stdout is the prompt; with --json, {text, ids}. With --batch, the input is a JSON array and the
output, which is JSON then, an array too.

Control tokens that are spelled out in a message become control tokens, as in the reference: who
writes <|system|> speaks as the system. --control-tokens protocol makes plain text of them.

Examples:
  glm52 render chat.json --json --tokenizer ~/models/GLM-5.2
  echo '{"messages": [{"role": "user", "content": "hi"}]}' | glm52 render
`;

/** Adds `glm52 render`. */
export function addRender(program: Command, { stdin, stdout }: Terminal): void {
  program
    .command("render")
    .summary("conversation to prompt")
    .description("Prints the prompt of a conversation, as GLM-5.2 was trained on it.")
    .argument("[file]", "the conversation as JSON (default: stdin)")
    .option("--json", "print JSON, with the ids too")
    .option("--batch", "many conversations")
    .addOption(
      new Option("--unknown-roles <what>", "roles that the template does not print")
        .choices(["error", "drop"])
        .default("error"),
    )
    .addOption(
      new Option("--control-tokens <where>", "where spelled-out control tokens count")
        .choices(["everywhere", "protocol"])
        .default("everywhere"),
    )
    .option("--tokenizer <dir>", "folder with a tokenizer.json (default: that of the demo model)")
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
        const prompt = renderChat(request as JsonObject, options); // which checks it
        const ids = promptIds(tokenizer, prompt, { controlTokensIn });
        return { text: prompt.text, ids: [...ids] };
      };
      if (!options.batch) stdout.write(`${JSON.stringify(render(value))}\n`);
      else stdout.write(`${JSON.stringify(eachOf(value, input.name, render))}\n`);
    });
}

/** `render` of each request; an error tells which one it is about. */
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
