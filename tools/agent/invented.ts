/**
 * Tools that the model has to understand from their definition alone: names, parameters and deeds are
 * drawn anew for each dialogue.
 *
 * Next: composed.ts
 * @module
 */
import type { PlainObject } from "../../tokenizer/chat/index.ts";
import { defineTool, type OfferedTool } from "./demo-tools.ts";
import { capitalized, type Draw, fill, listed } from "./draw.ts";
import type { Single, Value } from "./exchange.ts";
import { meaningOf } from "./single.ts";
import { DEEDS, KEYS, MANNERS, madeUpWord } from "./words.ts";

const TEXT = { type: "string" };
const NUMBER = { type: "number" };

/** An invented tool, and how to ask for it. */
export interface InventedTool {
  readonly tool: OfferedTool;
  readonly deed: string;
  /** Makes the words of a request without its beginning (`paint the kite`), and the arguments. */
  ask(draw: Draw): { readonly words: string; readonly arguments: Readonly<Record<string, Value>> };
}

/** A form of parameters: their definitions, and how a request with them sounds. */
type Form = (
  draw: Draw,
  deed: string,
) => Omit<InventedTool, "tool" | "deed"> & { properties: PlainObject };

const key = (draw: Draw, of: keyof typeof KEYS): string => draw.word(KEYS[of]);

const FORMS: readonly Form[] = [
  (draw, deed) => {
    const what = key(draw, "thing");
    return {
      properties: { [what]: TEXT },
      ask: (later) => {
        const thing = later.chance(0.4) ? later.described() : later.rareWord();
        return { words: `${deed} the ${thing}`, arguments: { [what]: thing } };
      },
    };
  },
  (draw, deed) => {
    const [what, who] = [key(draw, "thing"), key(draw, "person")];
    return {
      properties: { [what]: TEXT, [who]: TEXT },
      ask: (later) => {
        const [thing, person] = [later.rareWord(), later.person()];
        return {
          words: `${deed} the ${thing} for ${person}`,
          arguments: { [what]: thing, [who]: person },
        };
      },
    };
  },
  (draw, deed) => {
    const [n, what] = [key(draw, "number"), key(draw, "thing")];
    return {
      properties: { [n]: NUMBER, [what]: TEXT },
      ask: (later) => {
        const [count, thing] = [later.number(3), plural(later.thing())];
        return { words: `${deed} ${count} ${thing}`, arguments: { [n]: count, [what]: thing } };
      },
    };
  },
  (draw, deed) => {
    const n = key(draw, "number");
    return {
      properties: { [n]: NUMBER },
      ask: (later) => {
        const count = later.number();
        return { words: `${deed} ${count}`, arguments: { [n]: count } };
      },
    };
  },
  (draw, deed) => {
    const all = key(draw, "list");
    return {
      properties: { [all]: { type: "array", items: TEXT } },
      ask: (later) => {
        const things = Array.from({ length: 2 + later.below(3) }, () => later.rareWord());
        return { words: `${deed} ${listed(things)}`, arguments: { [all]: things } };
      },
    };
  },
  (draw, deed) => {
    const [record, what, where] = [key(draw, "record"), key(draw, "thing"), key(draw, "place")];
    return {
      properties: { [record]: { type: "object", properties: { [what]: TEXT, [where]: TEXT } } },
      ask: (later) => {
        const [thing, place] = [later.rareWord(), later.place()];
        const value = { [what]: thing, [where]: place };
        return { words: `${deed} the ${thing} in the ${place}`, arguments: { [record]: value } };
      },
    };
  },
  (draw, deed) => {
    const [what, manner] = [key(draw, "thing"), draw.word(MANNERS)];
    return {
      properties: { [what]: TEXT, [manner]: { type: "boolean" } },
      ask: (later) => {
        const [thing, isSo] = [later.rareWord(), later.chance(0.5)];
        const words = `${deed} the ${thing}${isSo ? ` ${manner}` : ""}`;
        return { words, arguments: { [what]: thing, [manner]: isSo } };
      },
    };
  },
  (_, deed) => ({ properties: {}, ask: () => ({ words: deed, arguments: {} }) }),
];

const DESCRIPTIONS = [
  "It can {0}",
  "This can {0} a thing",
  "Use it to {0}",
  "A tool to {0} things",
  "Can {0} something",
  "{0:A} a thing",
];

// The last two templates are held out; see Draw.say.
const REQUESTS = [
  "Please {0}.",
  "{0:A}.",
  "Can you {0}?",
  "I want you to {0}.",
  "You must {0}.",
  "Hello! Please {0}.",
  "{1} asks you to {0}.",
  "Now {0}.",
  "Can you please {0}?",
  "I need you to {0}.",
];

/** Makes a tool for a deed. */
export function inventTool(draw: Draw, deed = draw.word(DEEDS)): InventedTool {
  const { properties, ask } = draw.of(FORMS)(draw, deed);
  const name = fill(
    draw.of(["{0}", "{0}_it", "{0}_{1}", "do_{0}", "{2}", "{2}_{0}"]),
    deed,
    draw.thing(),
    madeUpWord(draw.random),
  );
  const tool = defineTool(name, fill(draw.of(DESCRIPTIONS), deed), properties);
  return { tool, deed, ask };
}

/** Makes a request for an invented tool. */
export function inventedSingle(draw: Draw, invented: InventedTool = inventTool(draw)): Single {
  const { words, arguments: given } = invented.ask(draw);
  const { result, answer } = outcome(draw);
  return {
    tool: invented.tool,
    request: draw.say(REQUESTS, words, draw.person()),
    call: { name: invented.tool.function.name, arguments: given },
    result,
    answer,
    uses: result,
  };
}

/** Several of a thing, for words without surprises. */
const plural = (thing: string): string => `${thing}${/(s|x|ch|sh)$/.test(thing) ? "es" : "s"}`;

/** What a tool that nobody knows may return, and how to pass it on. */
function outcome(draw: Draw): { result: string; answer: string } {
  const kind = draw.below(4);
  if (kind === 0) return { result: "done", answer: "It is done." };
  const result =
    kind === 1 ? String(draw.number()) : kind === 2 ? draw.rareWord() : meaningOf(draw);
  return { result, answer: `${capitalized("the")} answer is ${result}.` };
}
