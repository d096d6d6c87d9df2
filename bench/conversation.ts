/**
 * Measures what a conversation waits for: the first token of the next turn while the caches hold the turns before
 * it, of a turn in a fork, and of a reply that is made again; against running everything from the beginning.
 *
 *     npm run bench:conversation -- MODEL [threads] [positions,…]
 *
 * The tokens are random, because the time does not depend on them. Prints the milliseconds of a cold start and of
 * one decoded token, and how many times as fast as the cold start the others are: medians of five rounds.
 * @module
 */
import { argv, stdout } from "node:process";
import { Session } from "../engine/index.ts";
import { openModel } from "../tools/node/open.ts";
import { median } from "./peers/protocol.ts";
import { circumstances } from "./peers/versions.ts";
import { printRow } from "./support.ts";

const ROUNDS = 5;

/** Tokens of the turn whose first token is waited for. */
const TURN = 32;

/** Tokens of the reply that is thrown away. */
const REPLY = 8;

const [, , folder, threads = "1", histories = "512,2048,8192"] = argv;
const { model, arithmetic, close } = await openModel(folder, {
  turbo: true,
  threads: Number(threads),
});

/** Tokens of a text; other texts have other tokens at every position. */
function text(length: number, which: number): number[] {
  const { vocabSize } = model.config;
  return Array.from({ length }, (_, i) => (i * i * 31 + i * 7 + which * 101) % vocabSize);
}

function millisecondsOf(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** What is waited for behind `length` positions, in milliseconds. */
function waits(length: number): Record<"cold" | "turn" | "fork" | "again" | "token", number> {
  const [history, turn, reply] = [text(length, 0), text(TURN, 1), text(REPLY, 2)];
  const asked = [...history, ...turn];
  const session = new Session(model, { maxContext: length + TURN + REPLY });
  const cold = millisecondsOf(() => session.sync(asked));
  const rounds = Array.from({ length: ROUNDS }, (_, round) => {
    const token = millisecondsOf(() => session.append(reply.slice(0, 1)));
    session.append(reply.slice(1));
    const again = millisecondsOf(() => session.sync(asked));
    const fork = millisecondsOf(() => {
      const twin = session.fork();
      twin.sync([...history, ...text(TURN, 3 + round)]);
      twin.close();
    });
    session.truncate(length);
    const next = millisecondsOf(() => session.sync(asked));
    return { token, again, fork, next };
  });
  session.close();
  return {
    cold,
    turn: median(rounds.map(({ next }) => next)),
    fork: median(rounds.map(({ fork }) => fork)),
    again: median(rounds.map(({ again }) => again)),
    token: median(rounds.map(({ token }) => token)),
  };
}

for (const [name, value] of await circumstances()) stdout.write(`# ${name}: ${value}\n`);
stdout.write(`# arithmetic: ${arithmetic}\n# turn: ${TURN} tokens\n`);
printRow(["history", "cold ms", "token ms", "next turn", "fork", "reply again"]);
for (const length of histories.split(",").map(Number)) {
  const { cold, token, turn, fork, again } = waits(length);
  const times = [turn, fork, again].map((wait) => `${(cold / wait).toFixed(1)} x`);
  printRow([`${length}`, cold.toFixed(0), token.toFixed(1), ...times]);
}
await close();
