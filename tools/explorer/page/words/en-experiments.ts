/**
 * The words of scenes 11 and 12 in English.
 * @module
 */

/** Scenes 11 and 12. */
export const experimenting = {
  whatif: {
    lead: "Each switch puts a mistake into the engine of this page. Most of them were made by public engines, and most stay invisible in short texts.",
    question:
      "Name a switch that changes a stage but not the text. Why do only dumps of stages find it?",
    pressFirst: "Press a switch. Two may be pressed at once.",
    answer: (names: string, tokens: string) =>
      `On the example of the figure: ${names}. The stage differs, but the ${tokens} tokens that follow are the same. Whoever compares texts sees no mistake; whoever compares stages sees it at once.`,
    answerNone: (tokens: string) =>
      `On the example of the figure, each switch changes one of the ${tokens} tokens that follow. Try them on a shorter text: there most of them change nothing but stages.`,
    unknown: (ids: string) => `The link presses switches that this page does not have: ${ids}.`,
    groups: {
      choose: "Another choice",
      indexer: "A wrong indexer",
      sharing: "Wrong sharing",
      experts: "Wrong experts",
    },
    none: "release all switches",
    switches: {
      recent: {
        name: "most recent",
        what: "Each layer reads the last positions instead of the best ones. Compare what that costs, as loss on the text, with how many secret words are remembered.",
      },
      first: { name: "first", what: "Each layer reads the first positions of the text." },
      dense: {
        name: "dense",
        what: "All positions are chosen. Some ports do this as a workaround; it hides every mistake of the indexer.",
      },
      g14: {
        name: "indexer rotates halves",
        what: "The indexer pairs channel j with channel j + half, as an older model did, instead of with its neighbour. The mistake grows with the distance.",
      },
      g15: {
        name: "rotary channels last",
        what: "The rotated channels of the indexer are taken from the end of the vector instead of its beginning.",
      },
      g16: {
        name: "query before its norm",
        what: "The indexer reads the query vector before it is normalised.",
      },
      relu: {
        name: "no ReLU",
        what: "The votes are added without ReLU. All heads together are then one head.",
      },
      g28: {
        name: "weights lose their sign",
        what: "A head of the indexer can no longer vote against a position.",
      },
      g03: {
        name: "rope base 10,000",
        what: "The base of the rotation was not found in the config. What is near is right, what is far is wrong.",
      },
      noshare: {
        name: "no sharing",
        what: "Each shared layer runs its lender’s indexer on its own vector, instead of reading its lender’s choice.",
      },
      g04: { name: "schedule off by one", what: "The layers that rank are off by one." },
      g22: { name: "borrowers see all", what: "The shared layers attend to all positions." },
      "g36-scale": {
        name: "experts not scaled",
        what: "The sum of the experts is not multiplied by its factor.",
      },
      "g36-bias": { name: "no bias", what: "Experts are chosen without the bias." },
      g39: { name: "gate and up swapped", what: "Two matrices of each expert are exchanged." },
    } as Readonly<Record<string, { readonly name: string; readonly what: string }>>,
    begins: (stage: string) => `The first stage that it can change is ${stage}.`,
    seen: (bug: string) => `Where ${bug} was seen`,
    figure: "What the switch changes",
    caption: (tokens: string, example: string | undefined) =>
      example === undefined
        ? `Tried on the text of the page, ${tokens} tokens.`
        : `Tried on the example “${example}”, ${tokens} tokens, because the text of the page is long.`,
    computing: (share: string) => `The changed model reads the text … ${share}`,
    columns: ["what", "value"],
    rows: {
      stage: "first stage that differs",
      stageAt: "its first position",
      tokenAt: "first token that differs",
      none: "none",
      logP: "mean log p of the text",
      changedLogP: "the same with the switch",
      meanLogP: "mean |Δ log p|",
      recall: "questions answered",
      changedRecall: "the same with the switch",
    },
    all: (of: string) => `Each switch alone: how many of ${of} secret words are remembered`,
    allColumns: ["switch", "first stage", "first token", "mean |Δ log p|", "remembered", "of"],
    allCaption: (tokens: string) =>
      `Six people have told their word in ${tokens} tokens of stories. A switch that leaves the text as it is can still be found by its first stage.`,
    remembers: (n: string, loss: string, isSame: boolean) =>
      `${n} · loss ${loss.startsWith("−") ? "" : "+"}${loss}${isSame ? " · same text" : ""}`,
    named: (name: string) => `${name}.`,
    firstStage: "First stage that differs",
    atPosition: (s: string) => `at position ${s}`,
    short: (k: string) =>
      `none: this text is not longer than ${k} tokens, so all positions are chosen`,
    noStage: "none: every bit is the same",
    firstToken: "First token that differs",
    sameText: (n: string) => `none of the ${n} that follow: this is a result, too`,
    tokenAt: (rank: string) => `the ${rank} of those that follow`,
    loss: "Loss on the text",
    lossOf: (changed: string, right: string) =>
      `${changed} nats per token with the switch, ${right} without`,
    distance: "Change of the text’s own log-probabilities",
    nats: (x: string) => `${x} nats per token on average`,
    recall: "Secret words remembered",
    recallOf: (right: string, changed: string, of: string) =>
      `${changed} of ${of} with the switch, ${right} of ${of} without, in the example that hides them`,
    right: "The model writes",
    changed: "With the switch it writes",
  },
  trace: {
    lead: "The figures of this page can be drawn from a file, too. The command below writes all stages of a text, for the small model as well as for GLM-5.2 itself.",
    drop: "Drop a trace file here, or choose one",
    stays:
      "It is read in this page and sent nowhere. A file of some gigabytes opens, because only the needed parts of it are read.",
    figure: (name: string) => `The stages of ${name}`,
    columns: ["name", "stage", "layer"],
    caption: (tokens: string, layers: string, stages: string) =>
      `${tokens} tokens, ${layers} layers, ${stages} stages.`,
    opened: (name: string) => `All scenes now show ${name}.`,
    lacks: (stages: string) =>
      `For the other figures a new trace would need these stages: ${stages}.`,
    look: "Look at its choices",
    close: "Back to the text",
  },
};
