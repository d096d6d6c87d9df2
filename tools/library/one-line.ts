/** Characters of a text that a sentence shows. The rest may be a megabyte. */
const LONGEST = 2000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * A text from outside, such as the name of a tensor, in the form in which it may stand in a line of
 * ours: without line breaks and control characters, which could pretend to be another line, without
 * signs that turn the direction of writing, and not too long.
 */
export function oneLine(text: string, longest: number = LONGEST): string {
  const cut =
    text.length <= longest
      ? text
      : `${text.slice(0, longest - 60)}… (${text.length} characters in all)`;
  return cut.replace(CONTROL, (c) => {
    const code = c.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
}
