/** A server for tests with mistakes put in, and a verification of it. */

import type { Send } from "../../../tools/remote/exchange.ts";
import { serveApp } from "../../../tools/serve/app.ts";
import type { Check, Gate, ModelShape, Reference } from "../../../tools/verify/gate.ts";
import { type Outcome, type VerifyOptions, verify } from "../../../tools/verify/verify.ts";
import { ChanceDesk, chanceScores, type DeskFaults } from "../../support/chance-desk.ts";
import { demoTokenizer } from "../../support/scripted-desk.ts";

// biome-ignore lint/suspicious/noExplicitAny: bodies of requests and answers, changed at will
export type Json = any;

/** What is wrong with a server. */
export interface ServerFaults extends DeskFaults {
  /** Changes the body of a request, before the server sees it. */
  readonly body?: (body: Json) => Json;
  /** Changes an answer, or one event of a stream. */
  readonly answer?: (answer: Json, body: Json) => Json;
  /** Changes the text of an answer. */
  readonly text?: (text: string, body: Json) => string;
}

/** A model with layers that share selections. */
const SHAPE: ModelShape = {
  indexTopk: 64,
  indexerTypes: ["full", "shared", "full", "shared"],
  mlpLayerTypes: ["dense", "sparse", "sparse", "sparse"],
  nRoutedExperts: 22,
  numExpertsPerTok: 6,
};

/** A model, as the desk of tests has it. */
export const REFERENCE: Reference = {
  name: "chance",
  tokenizer: demoTokenizer(),
  shape: SHAPE,
  score: async (ids) => chanceScores(ids, 2040),
};

/** Sends requests to a server with mistakes. */
export function sendTo(faults: ServerFaults = {}): Send {
  const { body: changed = (x) => x, answer = (x) => x, text: written = (x) => x } = faults;
  const app = serveApp(new ChanceDesk(faults), { clock: false, anyModel: true });
  return async (url, init) => {
    if (init.method !== "POST") return app.request(url, init);
    const body = changed(JSON.parse(String(init.body)));
    const response = await app.request(url, { ...init, body: JSON.stringify(body) });
    if (response.status !== 200) return response;
    const text = await response.text();
    const edit = (json: string): string => JSON.stringify(answer(JSON.parse(json), body));
    const edited = text.startsWith("{")
      ? edit(text)
      : text.replace(/^data: (\{.*)$/gm, (_, json: string) => `data: ${edit(json)}`);
    return new Response(written(edited, body), { headers: { "content-type": "application/json" } });
  };
}

/** A hosted server that tells neither ids nor log-probabilities, nor knows paths beside chats. */
export function bare(faults: ServerFaults = {}): ServerFaults {
  return {
    ...faults,
    body: (given) => {
      const { return_token_ids: _, logprobs: _a, top_logprobs: _b, ...body } = given;
      return faults.body?.(body) ?? body;
    },
  };
}

/** Verifies a server with mistakes. */
export function verified(
  faults: ServerFaults,
  gates: readonly Gate[],
  options: Partial<VerifyOptions> = {},
): Promise<Outcome> {
  return verify({
    url: "http://127.0.0.1:1/v1",
    ...{ reference: REFERENCE, seed: 0, gates, timeout: 20, pause: 0 },
    send: sendTo(faults),
    ...options,
  });
}

/** All checks of an outcome. */
export function checksOf({ gates }: Outcome): readonly Check[] {
  return gates.flatMap(({ checks }) => checks);
}

/** The faults that an outcome names. */
export function faultsOf(outcome: Outcome): string[] {
  return checksOf(outcome).flatMap(({ verdict, fault, evidence }) =>
    verdict === "fail" ? [fault ?? evidence] : [],
  );
}
