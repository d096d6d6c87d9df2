/**
 * How long work tells that it goes on, and lets itself be stopped.
 * @module
 */

/**
 * Is called between two steps of long work, with the number of steps that are done and of all steps.
 * The work waits until it returns. When it throws, the work ends with that error.
 */
export type Pause = (done: number, total: number) => void | Promise<void>;
