/**
 * Command lines that a person can copy into a shell.
 * @module
 */

/** Quotes an argument so that a shell reads it as one word. */
export function shellWord(argument: string): string {
  return /^[\w./,:=+@%-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
