/**
 * Whole dialogues: some exchanges with the tools that are offered, at an effort, as a request to render.
 *
 * Next: thoughts.ts
 * @module
 */

import type { Effort } from "../library/think.ts";
import { chain, type KnownStory, refusal, retry, story, talk, twoCalls } from "./composed.ts";
import { DEMO_TOOLS, type OfferedTool } from "./demo-tools.ts";
import type { Draw } from "./draw.ts";
import { asExchange, type Exchange, type Skill } from "./exchange.ts";
import { farText } from "./far.ts";
import { type InventedTool, inventedSingle, inventTool } from "./invented.ts";
import { DEMO_TOOL_NAMES, demoSingle } from "./single.ts";
import { DEEDS } from "./words.ts";

/** A dialogue: what is offered, what is said. */
export interface Dialogue {
  readonly effort: Effort;
  /** Whether earlier thoughts stay in the prompt. */
  readonly keepsThoughts: boolean;
  readonly tools: readonly OfferedTool[];
  readonly exchanges: readonly Exchange[];
}

/** How often each skill is practised. */
const SHARES: readonly (readonly [Skill, number])[] = [
  ["one call", 0.24],
  ["unseen tool", 0.26],
  ["two calls", 0.15],
  ["chain", 0.11],
  ["retry", 0.06],
  ["no tool", 0.03],
  ["refusal", 0.09],
  ["story", 0.06],
];

/** Every second dialogue goes without thinking. */
const EFFORT_DRAWN: readonly Effort[] = ["off", "off", "high", "max"];

/** Makes an exchange of a skill. `missing` are tools that are not offered. */
export function makeExchange(
  draw: Draw,
  skill: Skill,
  invented: readonly InventedTool[],
  stories: readonly KnownStory[],
): Exchange {
  switch (skill) {
    case "one call":
      return asExchange(demoSingle(draw), skill);
    case "unseen tool":
      return asExchange(inventedSingle(draw, draw.of(invented)), skill);
    case "two calls":
      return twoCalls(draw, invented);
    case "chain":
      return chain(draw);
    case "retry":
      return retry(draw, invented);
    case "no tool":
      return talk(draw);
    case "refusal": {
      const taken = new Set(invented.map(({ deed }) => deed));
      const list = (draw.isHeldOut ? DEEDS.heldOut : DEEDS.trained).filter(
        (deed) => !taken.has(deed),
      );
      return refusal(draw, draw.chance(0.6) ? [inventTool(draw, draw.of(list))] : []);
    }
    case "story":
      return story(draw, draw.of(stories));
    default:
      return skill satisfies never;
  }
}

/** Makes a dialogue of some exchanges, of a given skill or of any. */
export function makeDialogue(
  draw: Draw,
  stories: readonly KnownStory[],
  n: number,
  wanted?: Skill,
): Dialogue {
  const deeds = draw.words(DEEDS, draw.below(3) + 1);
  const invented = deeds.map((deed) => inventTool(draw, deed));
  const exchanges = Array.from({ length: n }, () =>
    makeExchange(draw, wanted ?? drawSkill(draw), invented, stories),
  );
  return {
    effort: draw.of(EFFORT_DRAWN),
    keepsThoughts: draw.chance(0.5),
    tools: offered(draw, exchanges, invented),
    exchanges: exchanges.filter((exchange) => isTrue(exchange, exchanges)),
  };
}

/** Makes a dialogue about a text of about so many characters, in which facts stand that calls need. */
export function makeFarDialogue(
  draw: Draw,
  stories: readonly KnownStory[],
  characters: number,
): Dialogue {
  const text = farText(draw, stories, characters);
  const exchanges = [text.reading, ...Array.from({ length: 3 }, () => text.ask(draw))];
  return {
    effort: draw.of(EFFORT_DRAWN),
    keepsThoughts: draw.chance(0.5),
    tools: offered(draw, exchanges, []),
    exchanges,
  };
}

function drawSkill(draw: Draw): Skill {
  let at = draw.random();
  for (const [skill, share] of SHARES) {
    at -= share;
    if (at < 0) return skill;
  }
  return "one call";
}

/** Whether a refusal is right: no other exchange has the tool offered. */
function isTrue({ skill, tools }: Exchange, all: readonly Exchange[]): boolean {
  if (skill !== "refusal") return true;
  return all.every(
    (other) => other.skill === "refusal" || !other.tools.some((tool) => tools.includes(tool)),
  );
}

/** The tools that are needed and not refused, and some that are not needed, in random order. */
function offered(
  draw: Draw,
  exchanges: readonly Exchange[],
  invented: readonly InventedTool[],
): OfferedTool[] {
  const needed = new Set(exchanges.flatMap((e) => (e.skill === "refusal" ? [] : e.tools)));
  const refused = new Set(exchanges.flatMap((e) => (e.skill === "refusal" ? e.tools : [])));
  const others = [
    ...DEMO_TOOL_NAMES.map((name) => DEMO_TOOLS[name]),
    ...invented.map(({ tool }) => tool),
  ];
  const spare = others.filter((tool) => !needed.has(tool) && !refused.has(tool));
  return draw.shuffled([...needed, ...draw.some(spare, draw.below(needed.size > 2 ? 2 : 3))]);
}
