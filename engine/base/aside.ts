/**
 * What was found in the files of a model and left aside, because it cannot change a result.
 *
 * Such a thing never stops a run. It is listed, so that nobody has to guess what was read.
 * @module
 */

/** One thing that was left aside. */
export interface Aside {
  /** The key, the tensors or the file, as the files call them. */
  readonly what: string;
  /** Why it cannot change a result. */
  readonly why: string;
}
