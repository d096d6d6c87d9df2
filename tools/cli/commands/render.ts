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
} from "../../../tokenizer/chat/index.ts";
import { TokenizerError } from "../../../tokenizer/index.ts";
import type { TemplateChoice } from "../../library/chat-template.ts";
import { chatTemplateOption } from "../chat-template-option.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { Terminal } from "../terminal.ts";
import { inputJson, readChatTemplate, readInput, readTokenizer } from "../text-input.ts";

interface RenderCommandOptions extends CheckOptions {
  readonly json?: boolean;
  readonly batch?: boolean;
  readonly controlTokens: "everywhere" | "protocol";
  readonly tokenizer?: string;
  readonly chatTemplate: TemplateChoice;
  readonly verbose?: boolean;
}

const HELP = `
The input is a JSON object, of which only the messages are required:
  {messages: [{role, content, reasoning_content, tool_calls}], tools: [...],
   enable_thinking: true | false, clear_thinking: true | false, add_generation_prompt: true | false,
   reasoning_effort: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max"}
The order of keys and the spelling of numbers are kept. OpenAI's shape is read, too: arguments as
JSON text, content that is null, results of tools in any order with their tool_call_id. Anything
that the prompt would leave out is an error, unless --unknown drop is given.

The prompt is that of the chat template in the folder of --tokenizer, and GLM-5.2's without one.

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
export function addRender(program: Command, { stdin, stdout, stderr }: Terminal): void {
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
        "the same for messages of an unknown role (default: what --unknown says)",
      ).choices(["error", "drop"]),
    )
    .addOption(
      new Option(
        "--control-tokens <where>",
        "take control tokens as such in messages too, or only where the protocol puts them",
      )
        .choices(["everywhere", "protocol"])
        .default("everywhere"),
    )
    .addOption(
      new Option(
        "--unknown <what>",
        "what to do with keys, parts and roles that the prompt has no place for",
      )
        .choices(["error", "drop"])
        .default("error"),
    )
    .addOption(chatTemplateOption())
    .option("--verbose", "print on stderr which chat template renders")
    .option("--tokenizer <dir>", "folder with a tokenizer.json (default: the demo model's)")
    .addHelpText("after", HELP + EXIT_CODES)
    .action(async (file: string | undefined, options: RenderCommandOptions) => {
      const input = await readInput(file, stdin);
      const value = inputJson(input);
      const template = await readChatTemplate(options.tokenizer, options.chatTemplate);
      if (options.verbose) stderr.write(`chat template: ${template.about}\n`);
      if (!options.json && !options.batch) {
        stdout.write(template.render(value as JsonObject, options).text);
        return;
      }
      const tokenizer = await readTokenizer(options.tokenizer);
      const controlTokensIn = options.controlTokens;
      const render = (request: Json) => {
        const prompt = template.render(request as JsonObject, options); // it checks the request
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
