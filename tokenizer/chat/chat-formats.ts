/**
 * The chat formats of the GLM-5 family: in what one model's prompt differs from the next one's.
 *
 * All of them share the renderer. Which format a model was trained on is told by the text of its
 * chat template, by the SHA-256 of the file. A template that is not listed here is no reason to
 * guess: who opens a model must then say what to do.
 *
 * Next: render.ts
 * @module
 */
import type { ControlToken } from "./control-tokens.ts";
import type { ReasoningEffort } from "./messages.ts";

/** One format of prompts. */
export interface ChatFormat {
  /** The model whose format it is. */
  readonly name: string;
  /** SHA-256 of the files that hold its template. */
  readonly templates: readonly string[];
  /** What the line of the effort says. Undefined where the format has no such line. */
  readonly effortLine: ((effort: ReasoningEffort | undefined) => string) | undefined;
  /** What a reply begins with when thinking is off. Undefined where it cannot be switched off. */
  readonly skipped: readonly ControlToken[] | undefined;
  /** Whether reasoning before the last user message is left out unless something else is said. */
  readonly clearsReasoning: boolean;
  /** Whether reasoning is printed without the blanks around it, and none of it as `</think>` alone. */
  readonly stripsReasoning: boolean;
  /** Which part of a tool is printed: what is inside its envelope, or all of it. */
  readonly prints: "function" | "tool";
  /** What stands in the place of an image: a sentence, or something that this renderer lacks. */
  readonly media: "reminder" | "refused";
  /** Whether each item of a list in a tool message is a result of its own. */
  readonly splitsResults: boolean;
}

const isMax = (effort: ReasoningEffort | undefined) =>
  effort === undefined || effort === "xhigh" || effort === "max";

/** GLM-5.2's format. */
export const GLM_5_2: ChatFormat = {
  name: "GLM-5.2",
  templates: ["172dc74a35e1752df75ecfb2b2cf9326d2852bb1379868ebeec9571654489679"],
  effortLine: (effort) => (isMax(effort) ? "Max" : "High"),
  skipped: ["<think>", "</think>"],
  clearsReasoning: true,
  stripsReasoning: false,
  prints: "function",
  media: "reminder",
  splitsResults: false,
};

/** GLM-5.3's format, in the revisions of August 27 and September 4, 2026. */
const GLM_5_3: ChatFormat = {
  ...GLM_5_2,
  name: "GLM-5.3",
  templates: [
    "34d5ee66b12fa6446cdae131c352b8f68cd85369e0e6fda115583805fada3891",
    "0c4099f3382d6c92700dfb99725025360966fd73032f0ecf32377c0d9e6309c5",
  ],
  effortLine: (effort) =>
    isMax(effort) ? "Max" : effort === "low" || effort === "minimal" ? "Low" : "High",
  skipped: undefined,
  clearsReasoning: false,
  media: "refused",
};

/** The format of GLM-4.7-Flash and GLM-5. */
const GLM_5: ChatFormat = {
  ...GLM_5_2,
  name: "GLM-5",
  templates: ["d63ad536c3c81880043e22ec7fd08db42b4d8fb7c89c7138bc562bfa25281375"],
  effortLine: undefined,
  skipped: ["</think>"],
  stripsReasoning: true,
  prints: "tool",
  media: "refused",
  splitsResults: true,
};

/** All formats that are known here. */
export const CHAT_FORMATS: readonly ChatFormat[] = [GLM_5, GLM_5_2, GLM_5_3];

/** Returns the format whose template has this SHA-256, in hexadecimal digits. */
export function formatOfTemplate(sha256: string): ChatFormat | undefined {
  return CHAT_FORMATS.find(({ templates }) => templates.includes(sha256));
}
