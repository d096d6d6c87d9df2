/**
 * The option `--chat-template`: which chat template counts.
 * @module
 */
import { Option } from "commander";
import { TEMPLATE_CHOICES } from "../library/chat-template.ts";

/** `--chat-template`: the model's own template, or GLM-5.2's. */
export function chatTemplateOption(): Option {
  return new Option(
    "--chat-template <which>",
    "whose chat template to use: the model's own, or the built-in one of GLM-5.2",
  )
    .choices(TEMPLATE_CHOICES)
    .default("model");
}
