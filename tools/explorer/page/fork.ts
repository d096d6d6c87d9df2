/**
 * The second text of scene 8: the same text with another end.
 * @module
 */

/** Characters at the end of the text that the reader may change. */
const END = 160;

/** The end of a text that the reader may change: from a word on, where there is one. */
export function endOf(text: string): string {
  if (text.length <= END) return text;
  const end = text.slice(-END);
  return end.slice(end.search(/\s/) + 1);
}

/** Another end: its last name becomes another one, or some words are added where there is no name. */
export function anotherEnd(end: string): string {
  const name = /\b[A-Z][a-z]+\b(?=[^A-Z]*$)/.exec(end);
  if (!name || name.index === 0) return `${end} And then`;
  const other = name[0] === "Tom" ? "Sue" : "Tom";
  return end.slice(0, name.index) + other + end.slice(name.index + name[0].length);
}

/** The second text, as it is at first. */
export function forkOf(text: string): string {
  const end = endOf(text);
  return text.slice(0, text.length - end.length) + anotherEnd(end);
}
