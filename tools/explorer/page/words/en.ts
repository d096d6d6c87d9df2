/**
 * The words of the page in English. The Chinese module has the same keys, and the compiler checks it.
 *
 * No number stands in a sentence here: the page computes it and hands it over, as text.
 * @module
 */
import { experimenting } from "./en-experiments.ts";
import { looking, storing, writing } from "./en-later.ts";
import { choosing, remembering } from "./en-scenes.ts";

/** The words of the frame: what is said on all scenes. */
const frame = {
  title: "GLM-5.2 explorer",
  skip: "Go to the indexer",
  scenes: "Scenes",
  examples: "Text",
  ownText: "your own text",
  exampleNames: {
    long: "The secret word, far back",
    short: "The secret word, near",
    plain: "The beginning of a story",
    six: "Six secret words",
  } as Readonly<Record<string, string>>,
  themes: { system: "Colours of the system", light: "Light", dark: "Dark" },
  help: "Keys and help",
  footer:
    "All numbers come from the engine glm52.ts, which is the specification in this repository, and from a small " +
    "model that was trained with it. Nothing that you type leaves this page: its security policy allows no connection elsewhere.",
  annotated: "The whole source of the model, beside its explanation",
  unread: (parts: string) =>
    `The link has parts that mean nothing here: ${parts}. The rest of it was followed.`,

  wantsOther:
    "The chosen text has not been read yet. Press “Run it here”; until then the recorded text is shown.",

  asTable: "as table",
  hideTable: "hide the table",
  copy: "copy numbers",
  copied: "copied",
  copyRefused: "the browser did not allow it",
  tableOf: (figure: string) => `Numbers of: ${figure}`,
  rowsShown: (shown: string, all: string) => `${shown} of ${all} rows`,
  moreRows: "20 more",
  allRows: "all",
  notInFile: "The file does not hold the stages that this figure needs.",
  waits: "The engine is computing this …",
  needsEngine:
    "This figure needs the engine. Press “Run it here” at the top: the model is fetched once and runs in your browser.",
  recorded: "recorded",
  live: "live",
  fromFile: (name: string) => `from file ${name}`,
  originHelp: {
    recorded: "The engine computed these numbers when the page was built.",
    live: "The engine computed these numbers just now, in your browser.",
    file: "These numbers stand in the trace file that you opened.",
  },

  theText: "The text",
  tokensLeftOut: (n: string) => `${n} tokens`,
  position: (n: string) => `position ${n}`,
  marks: {
    chosen: "chosen by the indexer",
    borrowed: "borrowed from the lender’s choice",
    lost: "wanted by dense attention, not chosen",
    query: "the query: the token that looks back",
    row: "the position that you point at",
  },
  layer: (l: number) => `layer ${l}`,
  layersLabel: "Layers",
  full: "full",
  borrows: (l: number) => `← ${l}`,
  lookingAt: (t: string) => `The query is the token at position ${t}:`,
  before: "one back",
  after: "one on",
  asideOf: (name: string) => `Formula and source: ${name}`,
  formula: "Formula",
  lines: (from: number, to: number) => `lines ${from}–${to}`,
  sourceOf: (file: string) => `Source: ${file}`,
  inModel: "The equations, and what goes wrong, in MODEL.md",
  layerMap: {
    label: "Map of the layers",
    dense: "dense",
    sparse: "experts",
    lends: (l: number) => `choice of layer ${l}`,
  },
  engineLine: {
    run: "Run it here",
    again: "Try again",
    stop: "stop",
    readAgain: "Read the text",
    opening: "Fetching the model",
    reading: "Reading the text",
    of: (done: string, total: string) => `${done} of ${total}`,
    live: (ran: string, seconds: string) => `live · ${ran} tokens in ${seconds} s`,
  },
  guide: {
    start: "Guided path",
    label: "Guided path",
    step: (at: number, of: number) => `Step ${at} of ${of}`,
    next: (name: string) => `Next: ${name}`,
    end: "This was the last step.",
    close: "Leave the guided path",
  },
  helpText: {
    heading: "Keys and help",
    keys: [
      ["Tab", "to the next figure: each figure with positions is one stop"],
      ["← →", "move the position by one"],
      ["Home End", "first and last position"],
      ["PageUp PageDown", "next and previous chosen position"],
      ["?", "this help"],
    ] as readonly (readonly [string, string])[],
    about: [
      "A press on a word points at its position. Two presses make it the query.",
      "A figure is marked recorded, live or from file. Recorded numbers were computed by the same engine when the page was built.",
      "The logit lens is an instrument, not a belief of the model. Attention weights say where weight lies, and not why.",
    ],
    close: "Close",
  },
  names: {
    remember: "It remembers",
    tokens: "Text to tokens",
    layers: "Layers",
    choose: "The indexer",
    dense: "What dense would do",
    share: "Who borrows",
    latent: "The latent",
    experts: "Experts",
    pages: "Pages",
    guesses: "Guesses",
    next: "The next token",
    whatif: "What if",
    trace: "Your trace",
  },
  headings: {
    remember: "It remembers",
    tokens: "A text becomes tokens",
    layers: "The layers, and what they make",
    choose: "The indexer chooses",
    dense: "What dense attention would have done",
    share: "Who borrows from whom",
    latent: "One latent instead of many heads",
    experts: "The router and its experts",
    pages: "Pages, forks and cold rows",
    guesses: "Guessing ahead",
    next: "The next token",
    whatif: "What if it were wrong?",
    trace: "Your own trace",
  },
};

/** All words. */
export const en = {
  ...frame,
  ...remembering,
  ...choosing,
  ...looking,
  ...storing,
  ...writing,
  ...experimenting,
};

/** The keys that each language has. */
export type Words = typeof en;
