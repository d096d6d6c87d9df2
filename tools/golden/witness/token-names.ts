/**
 * What servers call the tokens of a case.
 *
 * The models of the pack come without a tokenizer; docs/golden-pack.md gives them one: token `b` is
 * the byte `b`, and tokens from 256 on are spelled `<256>`, `<257>`, … A server's text of a byte
 * above 127 is U+FFFD for all of them alike, since such a byte alone is not UTF-8: then only ids
 * tell the tokens apart.
 * @module
 */
import { CHAR_OF_BYTE } from "../../../tokenizer/byte-level.ts";
import { ServerError } from "./server-error.ts";

/** Token of a server's name, which is `token_id:N` as vLLM has it, a text, or a spelling. */
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

/** `id`, when the case has it. */
export function checkedId(id: number, n: number): number {
  if (Number.isInteger(id) && id >= 0 && id < n) return id;
  throw new ServerError(
    "token",
    "token",
    `expected 0 … ${n - 1}, got ${id}: is this the case's model?`,
  );
}
