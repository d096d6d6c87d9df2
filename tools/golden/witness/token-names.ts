/**
 * Finds the tokens of a case by the names that servers have for them.
 *
 * The models of the pack have the tokenizer of ../case/byte-vocabulary.ts. A byte above 127 alone is
 * not UTF-8, so a server shows U+FFFD for each of these tokens. Only ids tell them apart.
 * @module
 */
import { CHAR_OF_BYTE } from "../../../tokenizer/byte-level.ts";
import { ServerError } from "../../remote/server-error.ts";

/** Finds the token of a name: `token_id:N` as vLLM writes it, a text, or a spelling like `<257>`. */
export type TokenNames = (name: string) => number;

/** Bytes that are a text of their own. */
const N_ASCII = 128;

/** Names of a vocabulary of `n` tokens. */
export function tokenNames(n: number): TokenNames {
  const ids = new Map<string, number>();
  for (let id = 0; id < n; id++) {
    ids.set(CHAR_OF_BYTE[id] ?? `<${id}>`, id);
    if (id < N_ASCII) ids.set(String.fromCharCode(id), id);
  }
  return (name) => {
    const number = /^token_id:(\d+)$/.exec(name)?.[1];
    if (number !== undefined) return checkedId(Number(number), n);
    const id = ids.get(name);
    if (id !== undefined) return id;
    throw new ServerError(
      "token",
      `token ${JSON.stringify(name)}`,
      `it is none of the ${n} of the case, or one of several with this text; have the server name ids (vLLM and SGLang: see docs/check-your-engine.md)`,
    );
  };
}

/** Returns `id`, when the case has it. */
export function checkedId(id: number, n: number): number {
  if (Number.isInteger(id) && id >= 0 && id < n) return id;
  throw new ServerError(
    "token",
    "token",
    `expected 0 … ${n - 1}, got ${id}: is this the case's model?`,
  );
}
