/**
 * The words and numbers of the chosen language.
 * @module
 */
import { computed, type ReadonlySignal } from "@preact/signals";
import { type Numbers, numbersOf } from "../numbers.ts";
import { language } from "../state.ts";
import { en, type Words } from "../words/en.ts";
import { zh } from "../words/zh.ts";

/** All words of the page. */
export const say: ReadonlySignal<Words> = computed(() => (language.value === "zh" ? zh : en));

/** Numbers as text. */
export const num: ReadonlySignal<Numbers> = computed(() => numbersOf(language.value));
