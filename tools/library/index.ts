/**
 * The front door where there are no files: browsers, bundlers, bytes. `glm52.ts/node` opens folders.
 *
 * ```ts
 * import { open } from "glm52.ts";
 *
 * const glm = await open(); //                    the model that ships, or the URL of a folder
 * for await (const { text } of glm.generate("Once upon a time")) console.log(text);
 * await glm.close(); //                           threads, memory
 * ```
 * @module glm52.ts
 */
export * from "../../engine/index.ts";
export {
  type ArithmeticOptions,
  BACKENDS,
  type Backend,
  type Host,
} from "./arithmetic.ts";
export type {
  Chat,
  ChatOptions,
  Saying,
  TurnOptions,
} from "./chat.ts";
export {
  BUILTIN_TEMPLATE,
  type ChatTemplate,
  chatTemplateOf,
  TEMPLATE_CHOICES,
  type TemplateChoice,
  type TemplateOptions,
} from "./chat-template.ts";
export type { Piece, TextResult, Timing } from "./generate-text.ts";
export { Glm, type GlmParts, type GlmTraceOptions, type ModelSource } from "./glm.ts";
export type { CompiledTemplate, TemplateEngine } from "./jinja-prompt.ts";
export type { Keeper, StartKeeper } from "./keeper.ts";
export type { ModelConfigOptions } from "./model-config.ts";
export { open, openFiles, type Source, type WebOpenOptions } from "./open.ts";
export { type LoadedModel, loadModel, type OpenOptions } from "./open-files.ts";
export type { Score, ScoredToken, ScoreOptions } from "./score.ts";
export type { Prompt, PromptOptions, Speaker } from "./speaker.ts";
export type { Streaming, StreamReport, StreamSource } from "./streaming.ts";
export type {
  ChoiceOptions,
  TextChoiceOptions,
  TextOptions,
  TextSession,
  TimelineOptions,
} from "./text-session.ts";
export { EFFORTS, type Effort } from "./think.ts";
export type { OpenTokenizer } from "./tokenizer-files.ts";
export type { Turn } from "./voice.ts";
export { type ChosenPosition, type Seen, type Watch, watch } from "./watch.ts";
export { webFiles } from "./web-files.ts";
export { webHost } from "./web-host.ts";
