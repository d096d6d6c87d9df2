/**
 * The words of scenes 0 to 3 in English.
 * @module
 */
import type { Sizes } from "../../messages.ts";
import type { Numbers } from "../numbers.ts";

/** Scenes 0 and 1. */
export const remembering = {
  remember: {
    kicker: "A small model with the architecture of GLM-5.2, and every number of it",
    heading: (finds: number, reads: number) =>
      finds === reads
        ? `Layer ${finds} finds the word, and reads it.`
        : `Layer ${finds} finds the word. Layer ${reads} reads it.`,
    plainHeading: "What does each layer see of a word far back?",
    lead: (tokens: string, word: string, back: string) =>
      `The model has read ${tokens} tokens of children’s stories. Near the beginning stands a secret word, “${word}”. ` +
      `At the end it is asked for, ${back} tokens later, and each layer may look at only a few positions.`,
    figure:
      "Scores of all positions for the last token, and the rank of the secret word in each layer",
    strip: (l: number) => `Scores of the indexer of layer ${l} over the whole text`,
    found: (l: number, rank: string, of: string) => `layer ${l}: ${rank} of ${of}`,
    bars: (k: string) => `score of each position · the ${k} chosen ones in blue`,
    finding: (of: string) => `Finding: its rank among ${of} positions`,
    reading: (word: string) => `Reading: the rank of “${word}” as the next word`,
    columns: [
      "layer",
      "type",
      "score",
      "rank",
      "threshold",
      "chosen",
      "attention",
      "rank as next word",
      "probability",
    ],
    findsIt: (l: number, rank: string, of: string, isChosen: boolean) =>
      `Layer ${l} gives the word its best rank, ${rank} of ${of}, and ${isChosen ? "chooses" : "does not choose"} its position. `,
    borrowing: (l: number, lender: number) =>
      `Layer ${l} has no indexer: it reads the positions that layer ${lender} chose. `,
    readsIt: (l: number, rank: string, p: string) =>
      `After layer ${l} the word is ${rank} of all words that may come next, with ${p}.`,
    why:
      "Sparse attention lets a model read a long text at the price of a short one, but only if the right positions are chosen. " +
      "This page shows how they are chosen, who else uses the choice, and what happens when it is wrong.",
    run: (bytes: string | undefined) =>
      `Run it here, in your browser${bytes !== undefined ? ` (${bytes})` : ""}`,
    again: "The engine on this page has computed it again.",
    path: "Guided path, 15 minutes →",
  },
  tokens: {
    lead: (vocab: string | undefined) =>
      `A model reads no letters. The tokenizer cuts a text into pieces, and each piece into tokens: bytes that often stand together, from a list${vocab === undefined ? "" : ` of ${vocab}`}.`,
    question: "Why does a text have fewer tokens than characters?",
    answer: (tokens: string, bytes: string) =>
      `This text has ${tokens} tokens, and a token holds ${bytes} bytes of it on average. Frequent words are one token each. Rare words and other scripts fall apart into several.`,
    figure: "Tokens of the text with their ids",
    caption: (tokens: string, bytes: string, split: string) =>
      `${tokens} tokens, ${bytes} bytes, ${split} tokens that end within a character. The shade changes where a new piece begins: no token reaches across.`,
    columns: ["position", "text", "id", "bytes"],
    more: (n: string) => `and ${n} more, in the table`,
    own: "Your own text",
    placeholder: "Once upon a time, there was a little …",
    read: "Read it",
    start: "Fetch the model and read it",
    stays: "It stays on this page.",
    onlyEnglish:
      "The tokenizer takes any script. The small model has only read English stories, so it has nothing to say about other texts.",
    tooLong: (length: string, most: string) =>
      `The text has ${length} characters. This page reads at most ${most}; please take a part of it.`,
  },
};

/** Scenes 2 and 3. */
export const choosing = {
  layers: {
    lead: (layers: string, full: string) =>
      `The model has ${layers} layers, and each adds something to the vector of a token. ${full} of them have an indexer, which chooses the past positions to read. The others borrow a choice.`,
    question: "What part of the model does one token use?",
    answer: (sizes: Sizes, n: Numbers) =>
      `In a layer with experts, a token visits ${n.count(sizes.expertsPerToken)} of ${n.count(sizes.experts)}, and one more that all tokens visit. ` +
      `It attends to at most ${n.count(sizes.indexTopk)} positions with ${n.count(sizes.heads)} heads.`,
    figure: "The layers of the model and the stages of one of them",
    stages: "Stages of the layer, in order",
    caption: (l: number, n: number) =>
      `Layer ${l} makes ${n} values that can be watched. Press a layer, or a stage.`,
    columns: ["stage", "shape", "root mean square", "least", "largest"],
    glance: (rms: string, least: string, most: string) =>
      `root mean square ${rms}, from ${least} to ${most}`,
    notes: {
      attn_norm: "what the attention reads",
      qr: "the small vector that all queries are made of",
      q_nope: "queries, the part without position",
      q_pe: "queries, the rotated part",
      kv_cmpr: "the latent: kept in the cache",
      k_pe: "the rotated key: kept in the cache",
      indexer_q: "queries of the indexer",
      indexer_k: "key of the indexer: kept in a cache of its own",
      indexer_weights: "how much each head of the indexer counts",
      indexer_score: "one score for each past position",
      top_k: "the positions to read",
      q_nope_absorbed: "queries, moved into the space of the latents",
      attn_out: "what the attention adds",
      ffn_inp: "the vector after the attention",
      ffn_norm: "what the experts read",
      ffn_moe_logits: "what the router makes of the token",
      ffn_moe_topk: "the chosen experts",
      ffn_moe_weights: "what each of them weighs",
      ffn_moe_out: "the sum of the chosen experts",
      ffn_shexp: "the expert that all tokens visit",
      ffn_out: "what the block adds",
      l_out: "the vector after the layer",
    } as Readonly<Record<string, string>>,
  },
  choose: {
    lead: (k: string) =>
      `For each token, the indexer gives every past position a score, and the attention then reads the best ${k}. The score is a sum of votes; it only ranks and is not used any further.`,
    question: "Why does no mistake of an indexer show in a text of sixty tokens?",
    answer: (k: string) =>
      `Because the layer may read ${k} positions. While a text is no longer than that, all positions are chosen, whatever the scores are. A wrong indexer gives the same text as a right one until then.`,
    isShared: (l: number, lender: number) =>
      `Layer ${l} has no indexer. It reads the positions that layer ${lender} chose; these are the scores of layer ${lender}.`,
    figure: "Scores of all positions, and the chosen ones in the text",
    strip: (l: number) => `Scores of layer ${l}: move through the positions with the arrow keys`,
    threshold: (k: string, score: string) => `the ${k}th score: ${score}`,
    range: (least: string, most: string) => `scores from ${least} to ${most}`,
    row: (
      row: Readonly<Record<"position" | "word" | "score" | "rank" | "of", string>> & {
        readonly isChosen: boolean;
      },
    ) =>
      `Position ${row.position}, “${row.word}”: score ${row.score}, ${row.rank} of ${row.of}, ${row.isChosen ? "chosen" : "not chosen"}.`,
    howTo: "Point at the bars, or use the arrow keys.",
    columns: ["rank", "position", "score", "chosen"],
    slider: (k: string) => `What if it chose ${k}?`,
    backTo: (k: string) => `back to ${k}`,
    allChosen: (n: string, k: string) =>
      `All ${n} positions are chosen, because ${k} may be: here the indexer changes nothing.`,
    votes: (word: string) => `How the heads of the indexer vote for “${word || "⏎"}”`,
    votesCaption: (sum: string, on: number, against: number, silent: number) =>
      `The sum is ${sum}. ${on} heads vote for it, ${against} against it, and ${silent} are silent: their product with the key is negative, and ReLU makes 0 of it.`,
    voteColumns: ["head", "vote"],
    head: (h: number) => `head ${h}`,
    silent: "silent",
  },
};
