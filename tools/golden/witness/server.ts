/**
 * Asks a server with OpenAI's `/completions` what follows each prefix of a case.
 *
 * Next: answer.ts
 * @module
 */
import { type Answer, fieldsOf, lacking, readAnswers } from "./answer.ts";
import { complaint, exchange, jsonHeaders, jsonOf } from "./exchange.ts";
import { ServerError } from "./server-error.ts";
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
 * @throws {ServerError} when the server cannot be asked, or its answer cannot be understood
 */
export async function askServer(
  options: ServerOptions,
  tokens: readonly number[],
  nVocab: number,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Answer[]> {
  const names = tokenNames(nVocab);
  const model = options.model ?? (await firstModel(options));
  const ask = async (prompt: readonly number[], more: object = {}): Promise<Answer[]> => {
    const { logprobs, tokenIds } = options;
    const body = {
      ...{ model, prompt, max_tokens: 1, temperature: 0, logprobs },
      ...(tokenIds && { return_tokens_as_token_ids: true }),
      ...more,
    };
    const { choices } = fieldsOf(await request(options, "completions", body));
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
    if (!(error instanceof ServerError)) throw error;
    throw new ServerError(error.fault, `position ${position}`, error.message);
  }
}

async function firstModel(options: ServerOptions): Promise<string> {
  const { data } = fieldsOf(await request(options, "models"));
  const id = fieldsOf(Array.isArray(data) ? data[0] : undefined).id;
  if (typeof id === "string") return id;
  throw new ServerError("json", "models", "the server lists none: name one with --model");
}

/** Sends one request and returns the JSON of the answer. */
async function request(options: ServerOptions, path: string, body?: object): Promise<unknown> {
  const url = `${options.url.replace(/\/+$/, "")}/${path}`;
  const sent = body ? { method: "POST", body: JSON.stringify(body) } : {};
  const { status, text } = await exchange(
    url,
    { ...sent, headers: jsonHeaders(options.apiKey) },
    options.timeout,
  );
  if (status < 200 || status > 299) {
    throw new ServerError("http", url, `status ${status}: ${complaint(text)}`);
  }
  return jsonOf(text, url);
}
