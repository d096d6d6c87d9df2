/**
 * Asks a server with OpenAI's `/completions` what follows each prefix of a case.
 *
 * Next: answer.ts
 * @module
 */

import { Budget, UNLIMITED } from "../../remote/budget.ts";
import { Client } from "../../remote/client.ts";
import { EndpointError } from "../../remote/endpoint-error.ts";
import { complaint } from "../../remote/exchange.ts";
import { fieldsOf } from "../../remote/fields-of.ts";
import { ServerError } from "../../remote/server-error.ts";
import { type Answer, lacking, readAnswers } from "./answer.ts";
import { tokenNames } from "./token-names.ts";

/** How a server is asked. */
export interface ServerOptions {
  /** Up to and with `/v1`. */
  readonly url: string;
  /** Default: the first that the server lists. */
  readonly model?: string | undefined;
  readonly apiKey?: string | undefined;
  /** Log-probabilities to ask for at each position. */
  readonly logprobs: number;
  /** Ask for vLLM's names of tokens, `token_id:N`. */
  readonly tokenIds: boolean;
  /** Ask once, for the log-probabilities of the prompt, instead of once for each prefix. */
  readonly echo: boolean;
  /** Seconds for one request. */
  readonly timeout: number;
}

/** Token with a text of its own, `!`: see {@link askPrefix}. */
const WHOLE = 33;

/**
 * Asks for every prefix of `tokens`, the shortest first, and returns one answer for each.
 *
 * @throws {EndpointError} when the server cannot be asked
 * @throws {ServerError} when its answer cannot be understood
 */
export async function askServer(
  options: ServerOptions,
  tokens: readonly number[],
  nVocab: number,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Answer[]> {
  const names = tokenNames(nVocab);
  const { url, model, apiKey, timeout } = options;
  const client = new Client({ url, model, apiKey, timeout, budget: new Budget(UNLIMITED) });
  await client.model(); // before any position, so that no position is blamed
  const ask = async (prompt: readonly number[], more: object = {}): Promise<Answer[]> => {
    const { logprobs, tokenIds } = options;
    const body = {
      ...{ prompt, max_tokens: 1, temperature: 0, logprobs },
      ...(tokenIds && { return_tokens_as_token_ids: true }),
      ...more,
    };
    const { choices } = fieldsOf(await request(client, body));
    const [choice] = Array.isArray(choices) ? choices : [];
    if (choice === undefined) throw lacking("choices", choices);
    return readAnswers(fieldsOf(choice).logprobs, names, nVocab);
  };
  if (options.echo) return askOnce(ask, tokens);
  const answers: Answer[] = [];
  for (let n = 1; n <= tokens.length; n++) {
    answers.push(await at(n - 1, () => askPrefix(ask, tokens.slice(0, n))));
    onProgress(n, tokens.length);
  }
  return answers;
}

type Ask = (prompt: readonly number[], more?: object) => Promise<Answer[]>;

/**
 * Asks for one prefix.
 *
 * llama-server gives no log-probabilities where the token it chooses is a part of a UTF-8 character.
 * There it is asked again with a bias, so that it chooses another token. The log-probabilities that it
 * gives are those before the bias.
 */
async function askPrefix(ask: Ask, prefix: readonly number[]): Promise<Answer> {
  try {
    return only(await ask(prefix));
  } catch (error) {
    if (!(error instanceof ServerError) || error.fault !== "logprobs") throw error;
    const biased = await ask(prefix, { logit_bias: { [WHOLE]: 100 } }).catch(() => {
      throw error;
    });
    return { ...only(biased), isChoice: false };
  }
}

function only(answers: readonly Answer[]): Answer {
  const [answer, ...more] = answers;
  if (answer && more.length === 0) return answer;
  throw lacking("logprobs of one token", answers.length);
}

/** Asks once for all. Nobody has chosen the tokens of the prompt, only the one after it. */
async function askOnce(ask: Ask, tokens: readonly number[]): Promise<Answer[]> {
  const answers = await ask(tokens, { echo: true });
  if (answers.length !== tokens.length) {
    throw lacking(`with echo, logprobs of ${tokens.length} tokens`, answers.length);
  }
  return answers.map((answer, i) => ({ ...answer, isChoice: i === tokens.length - 1 }));
}

/** Adds the position to an error. */
async function at<T>(position: number, asked: () => Promise<T>): Promise<T> {
  try {
    return await asked();
  } catch (error) {
    const where = `position ${position}`;
    if (error instanceof ServerError) throw new ServerError(error.fault, where, error.message);
    if (error instanceof EndpointError) throw new EndpointError(error.fault, where, error.message);
    throw error;
  }
}

/** Sends one request and returns the JSON of the answer. */
async function request(client: Client, body: { readonly prompt: readonly number[] }) {
  const ask = { path: "completions", body, tokensIn: body.prompt.length, tokensOut: 1 };
  const { status, json, text } = await client.ask(ask);
  if (json !== undefined) return json;
  const what = `status ${status}: ${complaint(text)}`;
  throw new EndpointError("not-understood", client.urlOf("completions"), what);
}
