/**
 * Why a figure or a question has no numbers yet.
 * @module
 */
import { isHeld, trace } from "../engine.ts";
import { say } from "./say.ts";

/** Why there is no answer yet. */
export function whyNone(): string {
  if (trace.value) return say.value.notInFile;
  return isHeld.value ? say.value.waits : say.value.needsEngine;
}
