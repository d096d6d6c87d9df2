/**
 * How the conversations of a model become prompts: with the renderer for a known chat template, with
 * a template engine for an unknown one, or not at all.
 *
 * A template is known by the SHA-256 of its text. An unknown template is never replaced in silence,
 * because a model that reads another prompt than it was trained on answers worse, and nobody sees
 * why.
 *
 * Next: chat.ts
 * @module
 */
import { ArgumentError, type CheckpointFiles } from "../../engine/index.ts";
import {
  CHAT_FORMATS,
  type ChatFormat,
  type ChatRequest,
  formatOfTemplate,
  GLM_5_2,
  type JsonObject,
  type Prompt,
  type RenderOptions,
  renderChat,
} from "../../tokenizer/chat/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import { jinjaPrompt, type TemplateEngine } from "./jinja-prompt.ts";
import { readTemplate } from "./template-file.ts";

/** Which chat template counts: that of the model's files, or GLM-5.2's. */
export const TEMPLATE_CHOICES = ["model", "builtin"] as const;

/** {@inheritDoc TEMPLATE_CHOICES} */
export type TemplateChoice = (typeof TEMPLATE_CHOICES)[number];

/** How conversations become prompts. */
export interface ChatTemplate {
  /** What it is, for people: `GLM-5.3's, as chat_template.jinja has it`. */
  readonly about: string;
  /** The format of a known template. Undefined when a template engine renders an unknown one. */
  readonly format: ChatFormat | undefined;
  /** What tells it from GLM-5.2's, for a saved conversation. Undefined for GLM-5.2's. */
  readonly mark: string | undefined;
  /** Why it cannot be used, if it cannot. */
  readonly refusal: ArgumentError | undefined;
  /**
   * Renders a conversation.
   *
   * @throws {TokenizerError} for a conversation of a wrong shape, {ArgumentError} for a template
   *   that cannot be used
   */
  render(request: ChatRequest | JsonObject, options?: Omit<RenderOptions, "format">): Prompt;
}

/** GLM-5.2's template, which counts where there is no other. */
export const BUILTIN_TEMPLATE: ChatTemplate = knownTemplate(GLM_5_2, "built in");

/** What decides about a template. */
export interface TemplateOptions {
  /** Which template counts; the model's by default. */
  readonly choice?: TemplateChoice | undefined;
  /** Finds control tokens in what an unknown template gives. */
  readonly tokenizer?: Tokenizer | undefined;
  /** Gives the engine that runs unknown templates, or undefined where it is not installed. */
  readonly loadEngine?: (() => Promise<TemplateEngine | undefined>) | undefined;
}

/** The chat template of a model that some files are. A template that cannot be used says why. */
export async function chatTemplateOf(
  files: CheckpointFiles,
  { choice = "model", tokenizer, loadEngine }: TemplateOptions = {},
): Promise<ChatTemplate> {
  if (choice === "builtin") return BUILTIN_TEMPLATE;
  const found = await readTemplate(files);
  if (found === undefined) return knownTemplate(GLM_5_2, "built in, as the model has none");
  const { file, text } = found;
  const hashes = await Promise.all(spellings(text).map(sha256));
  const format = hashes.map(formatOfTemplate).find((known) => known !== undefined);
  if (format) return knownTemplate(format, `as ${file} has it`);
  const [hash = ""] = hashes;
  const engine = await loadEngine?.();
  if (!engine || !tokenizer) return refusedTemplate(file, hash, NOT_INSTALLED);
  let render: ReturnType<typeof jinjaPrompt>;
  try {
    render = jinjaPrompt(engine(text), tokenizer);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return refusedTemplate(file, hash, `${engine.about} cannot read it: ${why}`);
  }
  return {
    about: `${unknownOne(file, hash)}, run by ${engine.about}`,
    format: undefined,
    mark: hash,
    refusal: undefined,
    render: (request) => render(request),
  };
}

function knownTemplate(format: ChatFormat, from: string): ChatTemplate {
  return {
    about: `${format.name}'s, ${from}`,
    format,
    mark: format === GLM_5_2 ? undefined : format.name,
    refusal: undefined,
    render: (request, options) => renderChat(request, { ...options, format }),
  };
}

function unknownOne(file: string, hash: string): string {
  return `an unknown one, in ${file}, SHA-256 ${hash.slice(0, 12)}…`;
}

const NOT_INSTALLED = "npm install @huggingface/jinja lets it run";

function refusedTemplate(file: string, hash: string, why: string): ChatTemplate {
  const known = CHAT_FORMATS.map(({ name }) => name).join(", ");
  const refusal = new ArgumentError(
    file,
    `expected the chat template of ${known}, got one that is not known here (SHA-256 ` +
      `${hash.slice(0, 12)}…): ${why}; --chat-template builtin (in the library chatTemplate: ` +
      `"builtin") takes GLM-5.2's instead`,
  );
  return {
    about: unknownOne(file, hash),
    format: undefined,
    mark: hash,
    refusal,
    render: () => {
      throw refusal;
    },
  };
}

/** The text as it stands, with and without a newline at its end, which Jinja leaves out. */
function spellings(text: string): readonly string[] {
  return [text, `${text}\n`, text.replace(/\n$/, "")];
}

async function sha256(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
