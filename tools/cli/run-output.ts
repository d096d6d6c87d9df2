/**
 * How `glm52 run` prints its result: one line of speeds, or JSON.
 * @module
 */
import type { TierCounts } from "../../engine/index.ts";
import type { TextResult, Timing } from "../library/generate-text.ts";
import { shellWord } from "./shell-word.ts";

/** The line of speeds: `prefill 12 tokens, 85.1 tok/s · decode 255 tokens, 20.3 tok/s · length` */
export function summaryLine(
  { timing, finishReason, tier }: TextResult,
  draftSteps: number,
  more?: string,
): string {
  const { acceptedLength } = timing;
  const parts = [
    rate("prefill", timing.prefillTokens, timing.prefillSeconds),
    rate("decode", timing.decodeTokens, timing.decodeSeconds),
    ...(acceptedLength === undefined
      ? []
      : [`accepted length ${acceptedLength.toFixed(2)} of ${draftSteps + 1}`]),
    ...(tier ? [hotShare(tier)] : []),
    finishReason,
    ...(more === undefined ? [] : [more]),
  ];
  return `${parts.join(" · ")}\n`;
}

/** What a session holds now that only read: `session tale: 4 tokens read, 85.1 tok/s; go on with …` */
export function savedLine({ timing }: TextResult, session: string): string {
  const { prefillTokens: n, prefillSeconds: seconds } = timing;
  const read = rate("read", n, seconds);
  return `session ${session}: ${read}, saved; go on with: glm52 run --session ${shellWord(session)}\n`;
}

/** The result as one line of JSON. Log-probabilities are in it if `logProbs` is set. */
export function resultJson(
  result: TextResult,
  options: { readonly logProbs: boolean; readonly hasText: boolean },
): string {
  const logprobs = result.tokens.map(({ id, logProb, top }) => ({
    id,
    logprob: logProb,
    top: top.map((entry) => ({ id: entry.id, logprob: entry.logProb })),
  }));
  const json = {
    prompt_ids: result.promptIds,
    ids: result.tokens.map(({ id }) => id),
    text: options.hasText ? result.text : null,
    finish_reason: result.finishReason,
    ...(options.logProbs && { logprobs }),
    timing: timingJson(result.timing),
    ...(result.tier && { cold_rows: tierJson(result.tier) }),
  };
  return `${JSON.stringify(json)}\n`;
}

function timingJson(timing: Timing): object {
  return {
    prefill_tokens: timing.prefillTokens,
    prefill_seconds: timing.prefillSeconds,
    decode_tokens: timing.decodeTokens,
    decode_seconds: timing.decodeSeconds,
    ...(timing.acceptedLength !== undefined && { accepted_length: timing.acceptedLength }),
  };
}

function tierJson(counts: TierCounts): object {
  const { hits, misses, ahead, inTime, late, bytesRead, bytesWritten } = counts;
  const bytes = { bytes_read: bytesRead, bytes_written: bytesWritten };
  return { hits, misses, ahead, in_time: inTime, late, ...bytes };
}

/** How often a latent row was in memory when it was needed: `cold rows 98.2 % hot` */
function hotShare({ hits, misses }: TierCounts): string {
  const share = hits + misses === 0 ? 100 : (100 * hits) / (hits + misses);
  return `cold rows ${share.toFixed(1)} % hot`;
}

function rate(what: string, nTokens: number, seconds: number): string {
  const count = `${what} ${nTokens} token${nTokens === 1 ? "" : "s"}`;
  return nTokens === 0
    ? count
    : `${count}, ${(nTokens / Math.max(seconds, 1e-6)).toFixed(1)} tok/s`;
}
