/**
 * How long work lets others in.
 * @module
 */

/**
 * Is called between two steps of long work with how many steps are done, and of how many. The work
 * waits for it. Where it throws, the work ends.
 */
export type Pause = (done: number, total: number) => void | Promise<void>;
