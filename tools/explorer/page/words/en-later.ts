/**
 * The words of scenes 4 to 10 in English.
 * @module
 */

/** Scenes 4, 5 and 6. */
export const looking = {
  dense: {
    lead: "Here is the same attention over all positions, as if nothing had been chosen. Its weights show how much of what it wants lies on the choice, and what the choice leaves out.",
    question: (lender: number) =>
      `What part of the attention lies on the choice of layer ${lender}, and in which of the layers that use it is that part the least?`,
    answer: (list: string, least: number, lender: number) =>
      `${list} (mean over the heads, for this query). The least is layer ${least}. ` +
      (least === lender
        ? "So the borrowers are not worse off than the lender here."
        : `Layer ${least} has queries of its own, but it reads where layer ${lender} looked: the further it is from its lender, the more its wishes may differ.`),
    figure: "Weights of attention over all positions, with the choice",
    heads: "Heads",
    allHeads: "mean of the heads",
    head: (h: number) => `head ${h}`,
    strip: (l: number) => `Weights of dense attention in layer ${l}: move with the arrow keys`,
    most: (p: string) => `highest bar: ${p}`,
    row: (
      row: Readonly<Record<"position" | "word" | "weight", string>> & {
        readonly isChosen: boolean;
      },
    ) =>
      `Position ${row.position}, “${row.word}”: ${row.weight} of the weight, ${row.isChosen ? "chosen" : "not chosen"}.`,
    kept: (kept: string, best: string, k: string) =>
      `${kept} of the weight lies on the choice. The best ${k} positions of all would hold ${best}.`,
    columns: (heads: number) => [
      "position",
      "chosen",
      ...Array.from({ length: heads }, (_, h) => `head ${h}`),
    ],
    mass: "Part of dense attention that lies on the choice, layer by layer",
    massColumns: ["layer", "mean", "least head", "largest head"],
    massCaption:
      "The mean over the heads, for this query. Some heads look at nearly everything; for them no choice could hold much. Weights say where attention lies, and not why.",
    meanAndLeast: (mean: string, least: string) => `${mean} · least head ${least}`,
  },
  share: {
    lead: "Only some layers rank the positions. The others have no indexer: they read, with queries of their own, where the last ranking layer looked.",
    question: (l: number) =>
      `Layer ${l} has no indexer. Whose rows does it read, and what breaks if it makes a choice of its own?`,
    answer: (lender: number) =>
      `It reads the rows that layer ${lender} chose. It was trained with them. Press “no sharing” in the scene “What if”: each shared layer then runs its lender’s indexer on its own vector.`,
    withoutSharing: (changed: string, right: string, of: string) =>
      ` Of ${of} secret words, ${changed} are then remembered instead of ${right}.`,
    figure: (word: string) => `The position of “${word}” in all layers`,
    columns: [
      "layer",
      "lender",
      "score in the lender",
      "rank",
      "chosen",
      "mean weight",
      "largest weight",
    ],
    caption: (row: {
      readonly word: string;
      readonly position: string;
      readonly layers: readonly number[];
      readonly most: { readonly layer: number; readonly weight: string } | undefined;
    }) =>
      row.layers.length === 0
        ? `No layer reads position ${row.position}, “${row.word}”, for this query.`
        : `Position ${row.position}, “${row.word}”, is read by the layers ${row.layers.join(", ")}.${row.most ? ` Layer ${row.most.layer} gives it the most: ${row.most.weight} of its attention.` : ""}`,
    rank: (rank: string) => `ranked ${rank}`,
    rankIn: (rank: string, lender: number) => `${rank} in layer ${lender}`,
    weight: (p: string) => `reads it with ${p}`,
    isRead: "reads it",
    notRead: "does not read it",
    pick: "Press a layer to see its choice in the text. Press a word to follow that position.",
    overlap: "Positions that two choices have in common",
    overlapColumns: ["layer", "layer", "common for this query", "share over the text"],
    before: (list: string) => `Chosen for the token before, too: ${list}.`,
  },
  latent: {
    lead: "An ordinary attention keeps a key and a value for each head. This one keeps a short vector, the latent, and a rotated key that carries the position. All heads share them.",
    question:
      "Which numbers of a position are kept, how many bytes is that, and what is never made?",
    answer: (
      ours: Readonly<Record<"kept" | "never" | "bytes", string>>,
      released: Readonly<Record<"kept" | "never" | "bytes", string>>,
      name: string,
    ) =>
      `In each layer the latent and the rotated key: ${ours.kept} numbers here, ${released.kept} in ${name}. With the keys of the indexers that is ${ours.bytes} for a position in bf16 here, and ${released.bytes} there. The keys and values of the heads are never made: ${ours.never} numbers in a layer here, ${released.never} there.`,
    figure: "What is kept of this token",
    columns: ["number", "value"],
    caption: (l: number, latent: number, rotary: number) =>
      `Layer ${l} keeps ${latent} + ${rotary} numbers of this token. Blue is positive, orange negative; the stronger the colour, the larger the number.`,
    kept: "The latent",
    rotary: "The rotated key, which carries the position",
    never: (n: string, heads: string) =>
      `Never made: ${n} numbers, keys and values of ${heads} heads`,
    bytes: "Bytes in the cache, with two bytes for a number",
    bytesColumns: ["what", "bytes"],
    bytesCaption: (n: string, times: string) =>
      `For ${n} positions. The heads would take ${times} times the bytes of the latents.`,
    headsBytes: "keys and values of all heads",
    latentBytes: "latents and rotated keys",
    indexBytes: "keys of the indexers",
    thisText: (n: string) => `this text: ${n}`,
    million: (n: string) => `${n} positions`,
  },
};

/** Scenes 7 and 8. */
export const storing = {
  experts: {
    lead: (all: string, k: string) =>
      `After the attention, a router picks ${k} of ${all} small networks, the experts, for the token. A bias helps to pick, so that all experts stay busy, but it does not count in the weights.`,
    plainLead:
      "After the attention, a router picks a few of many small networks, the experts, for the token. A bias helps to pick, so that all experts stay busy, but it does not count in the weights.",
    question: (rank: string | undefined) =>
      `An expert has only the ${rank === undefined ? "next" : rank} best score, and is chosen. How? Does the bias change its weight?`,
    answer: (promoted: string) =>
      (promoted === ""
        ? "The bias is added before the choice, so it can lift an expert over others. For this token it changed nothing; try the token before, or another layer. "
        : `The bias is added before the choice. For this token it brought in ${promoted}, named with the rank of its score alone. `) +
      "It never changes a weight: the weights are made of the scores without it.",
    isDense: (l: number, sparse: number) =>
      `Layer ${l} is dense and has no router. This is layer ${sparse}.`,
    figure: "Scores and biases of the experts for this token",
    columns: ["expert", "logit", "score", "bias", "chosen", "weight"],
    caption: (word: string, l: number) =>
      `What the router of layer ${l} makes of “${word}”, sorted by score plus bias. Blue: chosen. The frame on the bar is the bias.`,
    howTo: "Press an expert to see which tokens of the text visit it.",
    expert: (e: number) => `expert ${e}`,
    weighs: (w: string) => `weighs ${w}`,
    visited: (e: number, l: number) => `What expert ${e} of layer ${l} is visited for`,
    visitColumns: ["token", "visits", "occurrences"],
    visitedCaption: (n: string, of: string) =>
      `${n} of ${of} tokens of the text visit it. Listed are the tokens whose visits say most; nobody told the expert what to be for.`,
    of: (visits: string, of: string) => `${visits} of ${of}`,
  },
  pages: {
    lead: (rows: string | undefined) =>
      `What a text leaves behind lies in pages${rows === undefined ? "" : ` of ${rows} positions`}. Two texts with the same beginning share its pages, and pages that are not needed may lie outside the memory.`,
    question: "A second text differs from this one only at its end. What does it cost?",
    answer: (ran: string, pages: string, bytes: string) =>
      `Only ${ran} tokens were run for it. ${pages} pages are shared, which saves ${bytes}.`,
    figure: "The pages of the text and of a second one",
    columns: ["text", "page", "from", "to", "used by", "cold"],
    caption: (pages: string, bytes: string) =>
      `${pages} pages are pointed at, and ${bytes} are in use.`,
    text: "The text",
    fork: "A second text with another end",
    shared: "shared by both",
    own: "its own",
    cold: "rows outside the memory",
    page: (page: number, from: string, to: string) => `page ${page}: positions ${from} to ${to}`,
    differs: (at: string, ran: string) =>
      `The second text differs from position ${at} on. ${ran} tokens were run for it; the others were there already.`,
    tier: (hits: string, misses: string, bytes: string) =>
      `With as little memory as possible, the last token found ${hits} rows in memory and fetched ${misses}, which is ${bytes}.`,
    edit: "The end of the second text",
    run: "Run the second text",
    tight: "As little memory as possible",
    onlyLive: "This needs the engine.",
  },
};

/** Scenes 9 and 10. */
export const writing = {
  guesses: {
    lead: "One more layer guesses the next tokens, and the model checks all guesses in one step. A guess that the model would have made itself stands; at the first other one the model’s own token is put instead.",
    question: "A guess was refused. What stands in the text, and what did it cost?",
    answer: (round: {
      readonly round: number;
      readonly guess: string;
      readonly by: string;
      readonly kept: number;
      readonly tokens: number;
    }) =>
      `In round ${round.round}, “${round.guess}” was refused and “${round.by}” stands in the text: the token that the model would have written anyway. ` +
      `${round.kept} guesses before it were kept, so the round gave ${round.tokens} tokens for one step of the model. The refused guess cost only the time to make and to check it.`,
    noRefusal:
      "No guess was refused here. A refused guess would be replaced by the token that the model would have written anyway, so it costs time and changes no text.",
    figure: "Rounds of guesses after the text",
    columns: ["round", "guess", "p (guessing layer)", "p (model)", "fate", "replaced by"],
    caption: (steps: string, tokens: string, rounds: string) =>
      `${steps} guesses in each round: ${tokens} tokens in ${rounds} steps of the model. The text is the same as without guesses.`,
    guessed: (p: string) => `guessed with ${p}`,
    model: (p: string) => `model: ${p}`,
    first: "The model itself writes first:",
    fates: { kept: "kept", replaced: "replaced", unread: "not looked at" },
    gives: "gives",
  },
  next: {
    lead: "After the last layer, each token of the list gets a probability. The same can be asked after earlier layers: this shows when the answer appears.",
    question: (word: string) => `After which layer is “${word}” the likeliest next token?`,
    answer: (word: string, l: number, p: string) =>
      `“${word}” is first after layer ${l}, with ${p}.`,
    figure: "The likeliest next tokens",
    columns: ["id", "token", "probability"],
    caption: (word: string, p: string) => `Likeliest: “${word}” with ${p}.`,
    temperature: (x: string) => `temperature ${x}`,
    topP: (x: string) => `top-p ${x}`,
    howTo: "Press a token to follow it through the layers.",
    lens: (word: string) => `The logit lens: “${word}” after each layer`,
    lensColumns: ["layer", "rank", "probability", "likeliest after the layer"],
    lensCaption:
      "The lens puts the final norm and the head behind each layer. It is an instrument, not a belief: the layers before the last were not trained to be read in this way.",
    lensRow: (rank: string, p: string, top: string) => `${rank}, ${p} · first: ${top}`,
    write: "Go on with the text",
    onlyLive: "This needs the engine.",
    atEnd: "It goes on from the end of the text.",
  },
};
