import { writeWhole } from "../../node/write-whole.ts";

/** Writes a text in UTF-8, whole or not at all. */
export const writeText = (file: string, text: string): Promise<void> =>
  writeWhole(file, new TextEncoder().encode(text));
