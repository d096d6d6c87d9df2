/**
 * The official chat template and tokenizer of GLM-5.2, if they are on this machine.
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Template } from "@huggingface/jinja";
import { createTokenizer, type Tokenizer } from "../../../tokenizer/index.ts";
import { GLM_5_2 } from "../families.ts";

const { GLM52_DATA } = process.env;
const DATA = GLM52_DATA ?? fileURLToPath(new URL("../../../../shared/data", import.meta.url));
const TEMPLATE = `${DATA}/glm-5.2/chat_template.jinja`;

/** Why tests against the template cannot run, if they cannot. */
export const SKIP_TEMPLATE: string | undefined = existsSync(TEMPLATE)
  ? undefined
  : `no ${TEMPLATE}; set GLM52_DATA`;

/** Why tests with the tokenizer cannot run, if they cannot. */
export const SKIP_TOKENIZER: string | undefined = GLM_5_2.skip;

/** The title of a suite, with the reason if it is skipped. */
export function titled(name: string, skip: string | undefined): string {
  return skip === undefined ? name : `${name} (skipped: ${skip})`;
}

const LOOP = "{%- for m in messages -%}\n";

/**
 * The official template in another engine than ours, with the settings of HF transformers.
 *
 * `@huggingface/jinja` 0.5.11 differs from Python's jinja2 in two ways, which are corrected here. A
 * variable that is set in one round of a loop is still there in the next, so a message without
 * reasoning would get that of an earlier one. A loop over a missing list is an error.
 */
export function officialTemplate(): (request: object) => string {
  const source = readFileSync(TEMPLATE, "utf8");
  if (!source.includes(LOOP)) throw new Error("the template has changed");
  const forgetful = `${LOOP}{%- set reasoning_content = nothing_at_all -%}`;
  const template = new Template(source.replace(LOOP, forgetful));
  return (request) => template.render({ tools: [], ...request });
}

export function officialTokenizer(): Tokenizer {
  return createTokenizer(readFileSync(GLM_5_2.path, "utf8"), { paddedVocabSize: 154_880 });
}
