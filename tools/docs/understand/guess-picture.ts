/**
 * The steps of a text that is written with guesses: one line for each step.
 * @module
 */
import { COLOUR, heading, rect, svg, text } from "./svg.ts";

const [LEFT, TOP, LINE] = [120, 84, 26];
const WORD = 104;

/** One token of the text. */
export interface Written {
  readonly token: string;
  /** Whether it was guessed. */
  readonly drafted: boolean;
}

/** docs/understand/guess.svg: `nGuesses` guesses in each step. */
export function guessPicture(written: readonly Written[], nGuesses: number): string {
  const steps: Written[][] = [[]];
  for (const one of written) {
    steps[steps.length - 1].push(one);
    if (!one.drafted) steps.push([]);
  }
  const whole = steps.filter((step) => step.at(-1)?.drafted === false);
  const height = TOP + whole.length * LINE + 46;
  const y = (i: number) => TOP + i * LINE;
  return svg(height, "The steps of a text with guesses", [
    heading(20, 30, `${whole.length} steps of the model, ${nGuesses} guesses in each`),
    text(20, 52, "what each step adds to the text"),
    ...whole.flatMap((step, i) => [
      text(20, y(i) + 17, i === 0 ? "the prompt" : `step ${i}`, { size: 12 }),
      ...step.flatMap(({ token, drafted }, at) => word(LEFT + at * WORD, y(i), token, drafted)),
      text(
        LEFT + (nGuesses + 1) * WORD + 14,
        y(i) + 17,
        i === 0 ? "" : `${step.length} token${step.length === 1 ? "" : "s"}`,
        {
          size: 12,
        },
      ),
    ]),
    ...word(LEFT, height - 34, "kept", true),
    text(LEFT + WORD + 4, height - 17, "a guess that the model agrees with", { size: 12 }),
    ...word(LEFT + 400, height - 34, "own", false),
    text(LEFT + 404 + WORD, height - 17, "the token of the model itself", { size: 12 }),
  ]);
}

function word(x: number, y: number, token: string, drafted: boolean): string[] {
  const fill = drafted ? COLOUR.green : "#ffffff";
  return [
    rect(x, y + 2, WORD - 6, LINE - 5, fill, `stroke="${COLOUR.green}" rx="4"`),
    text(x + (WORD - 6) / 2, y + 17, token, {
      anchor: "middle",
      fill: drafted ? "#ffffff" : COLOUR.ink,
    }),
  ];
}
