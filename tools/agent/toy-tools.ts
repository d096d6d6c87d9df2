/**
 * The six toy tools, as they run. What they return has the form that the demo model was trained with.
 * @module
 */
import { seededRandom } from "../../engine/generate/random.ts";
import type { CallArguments } from "../../tokenizer/chat/index.ts";
import { DEMO_TOOLS, type DemoToolName } from "./demo-tools.ts";
import { type RunningTool, ToolError } from "./run-calls.ts";

/** What the tools depend on. */
export interface ToyToolOptions {
  /** The same seed picks the same words; 0 by default. */
  readonly seed?: number | undefined;
  /** The time that `now` tells; that of the system by default. */
  readonly clock?: (() => Date) | undefined;
}

/** What `look_up` knows. */
const MEANINGS: Readonly<Record<string, string>> = {
  anchor: "a heavy thing that holds a ship in its place",
  bakery: "a shop where bread is made",
  compass: "a small thing that shows where north is",
  engine: "the part that makes a car or a train go",
  garden: "a place where flowers and vegetables grow",
  island: "land with water all around it",
  ladder: "steps to climb up with",
  lantern: "a light that one can carry",
  meadow: "a field of grass and flowers",
  neighbor: "somebody who lives next door",
  orchard: "a place where fruit trees grow",
  puddle: "a little water on the ground after rain",
  shadow: "the dark shape behind a thing that stands in the light",
  telescope: "a tube to look at the moon and the stars",
  token: "a piece of text that a model reads at once",
  whistle: "a small thing that makes a high sound",
};

/** What `remember` says. */
const KEPT = "kept";

/** The tools, with notes of their own. */
export function toyTools({
  seed = 0,
  clock = () => new Date(),
}: ToyToolOptions = {}): readonly RunningTool[] {
  const notes = new Map<string, string>();
  const random = seededRandom(seed);
  const run: Readonly<Record<DemoToolName, RunningTool["run"]>> = {
    add: (args) => shown(numberIn(args, "a") + numberIn(args, "b")),
    look_up: (args) => {
      const word = textIn(args, "word").trim().toLowerCase();
      if (Object.hasOwn(MEANINGS, word)) return MEANINGS[word];
      throw new ToolError("no such word");
    },
    remember: (args) => {
      const note = objectIn(args, "note");
      notes.set(keyOf(note), textIn(note, "value"));
      return KEPT;
    },
    recall: (args) => {
      const note = notes.get(keyOf(args));
      if (note !== undefined) return note;
      throw new ToolError("no such note");
    },
    pick: ({ words, first }) => {
      const list = wordsIn(words);
      return list[first === true ? 0 : Math.floor(random() * list.length)];
    },
    now: () => {
      const time = clock();
      return `${time.getHours()}:${String(time.getMinutes()).padStart(2, "0")}`;
    },
  };
  return Object.entries(DEMO_TOOLS).map(
    ([name, definition]): RunningTool => ({ definition, run: run[name as DemoToolName] }),
  );
}

/** A sum without the noise of binary fractions: 0.1 + 0.2 is 0.3. */
function shown(sum: number): string {
  return String(Number(sum.toPrecision(15)));
}

/** The name of a note; its case does not matter. */
function keyOf(args: CallArguments): string {
  return textIn(args, "name").trim().toLowerCase();
}

function numberIn(args: CallArguments, name: string): number {
  const value = args[name];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw wrong(name, "a number");
}

/** A text. A number is one, too: the value of a note may be either. */
function textIn(args: CallArguments, name: string): string {
  const value = args[name];
  if (typeof value === "number") return String(value);
  if (typeof value === "string" && value.trim() !== "") return value;
  throw wrong(name, "a text");
}

function objectIn(args: CallArguments, name: string): CallArguments {
  const value = args[name];
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as CallArguments;
  }
  throw wrong(name, "an object");
}

function wordsIn(words: unknown): readonly string[] {
  const areTexts = Array.isArray(words) && words.every((word) => typeof word === "string");
  if (areTexts && words.length > 0) return words;
  throw wrong("words", "a list of words");
}

function wrong(name: string, expected: string): ToolError {
  return new ToolError(`${name} must be ${expected}`);
}
