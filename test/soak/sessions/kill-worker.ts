/**
 * A process of the kill soak: goes on with a session, commits after every few tokens, and writes the
 * number of each commit when it is synced. It runs until it is killed.
 * @module
 */
import { writeSync } from "node:fs";
import { seededRandom } from "../../../engine/index.ts";
import { createSession, openSession } from "../../../tools/sessions/session-folder.ts";
import { aboutTiny, newSession, openTiny } from "./tiny.ts";

/** What the soak keeps beside the tokens: all that they must be. */
export interface SoakNote {
  readonly n: number;
  readonly run: readonly number[];
  readonly pending: readonly number[];
  /** Now and then a long text, so that the journal is written anew. */
  readonly ballast: string;
}

/** Sessions are cut back to less than this. */
const MAX_TOKENS = 60;
const BALLAST = 300_000;

const [, , folder, seed] = process.argv;
const random = seededRandom(Number(seed));
const below = (n: number): number => Math.floor(n * random());
const ids = (n: number): number[] => Array.from({ length: n }, () => below(64));

const model = await openTiny();
createSession(folder, "soak", await aboutTiny(model));
const { saved } = openSession(folder, "soak");
const session = newSession(model);
saved.restore(session);
let { n = 0, ballast = "" } = (saved.state.note ?? {}) as Partial<SoakNote>;
writeSync(1, "ready\n");
for (;;) {
  if (session.tokens.length > MAX_TOKENS || random() < 0.2) {
    session.truncate(below(session.tokens.length + 1));
  }
  session.append(ids(1 + below(5)));
  const pending = ids(below(3));
  if (random() < 0.05) ballast = String(below(10)).repeat(BALLAST);
  n++;
  const note: SoakNote = { n, run: [...session.tokens], pending, ballast };
  const logits = pending.length === 0 ? session.lastLogits : undefined;
  saved.commit(session, { pending, random: [n, 1, 2, 3], logits, note });
  writeSync(1, `${n}\n`);
}
