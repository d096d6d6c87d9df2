/**
 * Asks a server with OpenAI's `/completions` what follows each prefix of a case.
 *
 * Next: answer.ts
 * @module
 */
import { type Answer, fieldsOf, lacking, readAnswers } from "./answer.ts";
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

/** A server's complaint is cut after this many characters; it may be a page of HTML or a stack. */
const LONGEST_COMPLAINT = 300;

/** Bytes of an answer that is read. Log-probabilities of a whole vocabulary for some positions fit. */
const LONGEST_ANSWER = 2 ** 26;

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
  const { apiKey, timeout } = options;
  const url = `${options.url.replace(/\/+$/, "")}/${path}`;
  const headers = {
    "content-type": "application/json",
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };
  const sent = body ? { method: "POST", body: JSON.stringify(body) } : {};
  const signal = AbortSignal.timeout(timeout * 1000);
  let text: string;
  try {
    const response = await fetch(url, { ...sent, headers, signal });
    text = await bodyOf(response, url);
    if (!response.ok) {
      throw new ServerError("http", url, `status ${response.status}: ${complaint(text)}`);
    }
  } catch (error) {
    if (error instanceof ServerError) throw error;
    if (signal.aborted) throw new ServerError("timeout", url, `no answer in ${timeout} s`);
    throw new ServerError("unreachable", url, causeOf(error));
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new ServerError("json", url, `expected JSON, got ${JSON.stringify(ends(text))}`);
  }
}

/** The whole body as text. @throws {ServerError} when it is longer than any answer can be */
async function bodyOf({ body }: Response, url: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const piece of body ?? []) {
    bytes += piece.length;
    if (bytes > LONGEST_ANSWER) {
      throw new ServerError(
        "json",
        url,
        `expected an answer of at most ${LONGEST_ANSWER} bytes, got more`,
      );
    }
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

/** The sentence in a server's error, where it is JSON. */
function complaint(text: string): string {
  try {
    const json = fieldsOf(JSON.parse(text));
    const message = fieldsOf(json.error).message ?? json.message ?? json.detail;
    if (typeof message === "string") return message;
  } catch {
    // The text is not JSON, so it is shown as it is.
  }
  return text.slice(0, LONGEST_COMPLAINT).trim() || "no reason given";
}

/** The beginning and the end of a text. */
const ends = (text: string): string =>
  text.length > 80 ? `${text.slice(0, 40)} … ${text.slice(-40)}` : text;

/** Why `fetch` failed, in the words of the operating system where it was that. */
function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  const { code, message: why } = (cause ?? {}) as { code?: string; message?: string };
  if (code === "ECONNREFUSED") return "connection refused: is the server running?";
  return why || code || message;
}
