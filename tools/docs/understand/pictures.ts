/**
 * The pictures of docs/understand.md, by name.
 * @module
 */
import type { GeneratedToken, ModelConfig } from "../../../engine/index.ts";
import type { Glm } from "../../library/index.ts";
import { type Asked, meanAttention, softmax } from "./attend.ts";
import { choosePicture } from "./choose-picture.ts";
import { costPicture } from "./cost-picture.ts";
import { expertsPicture } from "./experts-picture.ts";
import { guessPicture } from "./guess-picture.ts";
import { keptPicture } from "./kept-picture.ts";
import { pupilPicture } from "./pupil-picture.ts";
import { rotationPicture } from "./rotation-picture.ts";
import { sharePicture } from "./share-picture.ts";
import { readStory, type Story, withoutRow } from "./story.ts";

/** What pictures are made from. */
export interface Sources {
  /** The demo model. */
  readonly glm: Glm;
  /** The numbers of GLM-5.2. */
  readonly config: ModelConfig;
  /** A text that says a word near its beginning and asks for it at its end. */
  readonly story: Story;
  /** What the attention of each layer needs at the end of the story. */
  readonly attention: readonly Asked[];
  /** A text like the story, about four times as long. */
  readonly long: string;
}

/** Draws one picture. */
type Draw = (sources: Sources) => string | Promise<string>;

/** The layer of the demo model that reads the word, and the one that finds it. */
const [READER, FINDER] = [7, 6];

/** A head of the demo model that asks for the token before, and one that asks for the word. */
const [WHERE, WHAT] = [
  { layer: 3, head: 1 },
  { layer: READER, head: 3 },
];

/** The layer whose experts are shown, and the sentence whose tokens visit them. */
const EXPERTS = { layer: 4, text: "The little dog was happy. The little cat was sad." };

/** How many tokens are guessed in each step, and how many are written. */
const [GUESSES, TOKENS] = [3, 36];

/** The SVG text of each picture. */
export const PICTURES: Readonly<Record<string, Draw>> = {
  cost: ({ config }) => costPicture(config),
  kept: ({ config }) => keptPicture(config),
  rotation: (sources) => rotation(sources),
  choose: ({ glm, long }) => choosePicture(readStory(glm, long)),
  pupil: (sources) => pupil(sources),
  share: ({ glm, story }) => sharePicture(story, withoutRow(glm, story)),
  experts: ({ glm }) => experts(glm),
  guess: ({ glm }) => guess(glm),
};

function rotation({ glm, story: { ids, fact }, attention }: Sources): string {
  const moved = ({ layer, head }: typeof WHERE, position: number, title: string, of: string) => ({
    title,
    note: `layer ${layer}, head ${head}: the key of ${of}`,
    of: attention[layer],
    head,
    position,
  });
  const heads = [
    moved(WHERE, ids.length - 2, "a head that asks where", "the token before"),
    moved(WHAT, fact, "a head that asks what", "“window”"),
  ];
  return rotationPicture(heads, glm.config.ropeTheta);
}

function pupil({ story, attention }: Sources): string {
  const layer = story.seen.layers[FINDER];
  const [finder, reader] = [FINDER, READER].map((l) => meanAttention(attention[l]));
  return pupilPicture(
    finder.map((weight, s) => (weight + reader[s]) / 2),
    softmax(layer.get("indexer_score")?.data ?? []),
    new Set(layer.get("top_k")?.data),
  );
}

async function experts(glm: Glm): Promise<string> {
  const { layer, text } = EXPERTS;
  const ids = glm.promptIds(text);
  const stages = ["ffn_moe_topk", "ffn_moe_weights"];
  const [chosen, weights] = await glm.trace(ids, { stages, layers: [layer] });
  const nActive = glm.config.numExpertsPerTok;
  const of = (data: ArrayLike<number>, t: number) =>
    Array.from(data).slice(t * nActive, (t + 1) * nActive);
  const visits = ids.map((id, t) => ({
    token: glm.decode([id]).trim(),
    experts: of(chosen.data, t),
    weights: of(weights.data, t),
  }));
  return expertsPicture(layer, glm.config.nRoutedExperts, visits.slice(glm.textStart.length));
}

async function guess(glm: Glm): Promise<string> {
  const tokens: GeneratedToken[] = [];
  const options = { temperature: 0, maxTokens: TOKENS, draft: GUESSES };
  for await (const piece of glm.generate("Once upon a time", options)) tokens.push(...piece.tokens);
  const written = tokens.map(({ id, drafted }) => ({ token: glm.decode([id]).trim(), drafted }));
  return guessPicture(written, GUESSES);
}
