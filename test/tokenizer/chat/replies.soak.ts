/**
 * `npm run soak:replies`: 20,000 random replies, or as many as `REPLIES` says, with a new seed each
 * time. `SEED` repeats a run.
 */
import { expect, it } from "vitest";
import { ReplyFuzz } from "./reply-fuzz.ts";
import { tinyTokenizer } from "./tiny-chat.ts";

const { REPLIES = "20000", SEED = String(Date.now() % 2 ** 32) } = process.env;

it(`${REPLIES} replies of seed ${SEED} lose nothing, and give valid JSON, however they are cut`, () => {
  const seen = new ReplyFuzz(tinyTokenizer, Number(SEED)).try(Number(REPLIES));
  console.log(Object.fromEntries(seen));
  expect(seen.get("finish")).toBe(Number(REPLIES));
});
