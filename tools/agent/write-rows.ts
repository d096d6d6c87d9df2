/**
 * Writes dialogues as rows for the training of the demo model, without end until `--tokens` are there.
 *
 * ```sh
 * node dist/tools/agent/write-rows.js --tokenizer demo-model --stories FILE --out FOLDER --tokens 8e6 --seed 1
 * ```
 *
 * `FOLDER/agent.ids` holds uint16 ids, `agent.weights` one byte for each, `agent.starts` the uint32
 * position of each dialogue, and the end.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createTokenizer, type Tokenizer } from "../../tokenizer/index.ts";
import { writeWhole } from "../node/write-whole.ts";
import type { KnownStory } from "./composed.ts";
import { makeDialogue, makeFarDialogue } from "./dialogue.ts";
import { Draw } from "./draw.ts";
import { rowOf, turns } from "./rows.ts";
import { THINGS } from "./words.ts";

/** Reads the stories that name two things or more and have at most so many tokens. */
export function knownStories(text: string, tokenizer: Tokenizer, longest = 220): KnownStory[] {
  const known = new Set([...THINGS.trained, ...THINGS.heldOut]);
  return text
    .split("<|endoftext|>")
    .map((story) => {
      const words = story.toLowerCase().match(/[a-z]+/g) ?? [];
      return { text: story.trim(), things: [...new Set(words.filter((word) => known.has(word)))] };
    })
    .filter(({ text: t, things }) => things.length > 1 && t.length < 5 * longest)
    .filter(({ text: t }) => tokenizer.encode(t).length <= longest);
}

/** The words of a vocabulary: the tokens that are a blank and small letters. */
function wordsOf(tokenizer: Tokenizer): string[] {
  const texts = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.decode([id]));
  return texts.filter((text) => /^ [a-z]{3,}$/.test(text)).map((text) => text.slice(1));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      tokenizer: { type: "string", default: "demo-model" },
      stories: { type: "string", default: "" },
      out: { type: "string", default: "." },
      tokens: { type: "string", default: "1e6" },
      seed: { type: "string", default: "1" },
      longest: { type: "string", default: "1020" },
      "held-out": { type: "boolean", default: false },
      far: { type: "boolean", default: false },
      name: { type: "string", default: "agent" },
    },
  });
  const tokenizer = createTokenizer(
    JSON.parse(readFileSync(join(values.tokenizer, "tokenizer.json"), "utf8")),
  );
  const stories = knownStories(readFileSync(values.stories, "utf8"), tokenizer);
  const held = new Set(THINGS.heldOut);
  const vocabulary = wordsOf(tokenizer).filter((word) => !held.has(word));
  const [most, longest] = [Number(values.tokens), Number(values.longest)];
  const [ids, weights] = [new Uint16Array(most), new Uint8Array(most)];
  const starts = [0];
  for (let seed = Number(values.seed) * 1e7, end = 0; ; seed++) {
    const draw = new Draw(seed, values["held-out"], vocabulary);
    const dialogue = values.far
      ? makeFarDialogue(draw, stories, longest * (1 + 2 * draw.random()))
      : makeDialogue(draw, stories, 1 + draw.below(5));
    // Mostly the last reply, so that a row teaches much; the others in the forms that they have when they are said.
    const all = turns(dialogue);
    const fitting = all.map((turn) => () => rowOf(tokenizer, dialogue, turn));
    let row = fitting[draw.chance(0.6) ? all.length - 1 : draw.below(all.length)]();
    for (let last = all.length - 2; row.ids.length > longest && last >= 0; last--)
      row = fitting[last]();
    if (row.ids.length > longest) continue;
    if (end + row.ids.length > most) break;
    ids.set(row.ids, end);
    weights.set(row.weights, end);
    end += row.ids.length;
    starts.push(end);
  }
  const end = starts[starts.length - 1];
  await writeWhole(join(values.out, `${values.name}.ids`), new Uint8Array(ids.buffer, 0, 2 * end));
  await writeWhole(join(values.out, `${values.name}.weights`), weights.subarray(0, end));
  await writeWhole(
    join(values.out, `${values.name}.starts`),
    new Uint8Array(Uint32Array.from(starts).buffer),
  );
  process.stderr.write(`${starts.length - 1} dialogues, ${end} tokens\n`);
}

await main();
