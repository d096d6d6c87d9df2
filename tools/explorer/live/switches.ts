/**
 * The switches of the what-if scene: mistakes that engines made, and experiments.
 *
 * Each says the first stage that it can change. A test shows for each that a text differs there first.
 *
 * Next: what-if.ts
 * @module
 */
import type { Model, ModelConfig } from "../../../engine/index.ts";
import { MUTANTS } from "../../golden/mutants/all.ts";
import { withIndexers } from "../../golden/mutants/indexer.ts";
import type { SwitchFacts, SwitchGroup } from "../messages.ts";
import { borrowersSeeAll, byPosition, withoutBias, withoutRelu } from "./changed-ops.ts";
import { lendersOf } from "./facts.ts";

/** A switch, before it is asked about a model. */
interface Switch {
  readonly id: string;
  readonly group: SwitchGroup;
  readonly bug?: string;
  /** The stage, and the layer where it begins. */
  readonly begins: (layers: Beginnings) => string;
  readonly needsLongText: boolean;
  readonly change: (right: Model) => Model;
}

/** The first layers of some kinds. */
interface Beginnings {
  readonly full: number;
  readonly shared: number;
  readonly sparse: number;
  /** The first layer that would use another choice if the schedule was off by one. */
  readonly moved: number;
}

/** The change of a mutant, which works on every backend. */
function mutant(bug: string, what: string): (right: Model) => Model {
  const found = MUTANTS.find((each) => each.bug === bug && each.what.startsWith(what));
  if (!found) throw new Error(`expected a mutant ${bug}: ${what}`);
  return found.change;
}

const choose = (id: string, change: Switch["change"]): Switch => ({
  id,
  group: "choose",
  begins: ({ full }) => `top_k-${full}`,
  needsLongText: true,
  change,
});

const indexer = (
  id: string,
  bug: string | undefined,
  stage: string,
  change: Switch["change"],
): Switch => ({
  id,
  group: "indexer",
  ...(bug && { bug }),
  begins: ({ full }) => `${stage}-${full}`,
  needsLongText: true,
  change,
});

const SWITCHES: readonly Switch[] = [
  choose("recent", byPosition(false)),
  choose("first", byPosition(true)),
  { ...choose("dense", mutant("G32", "index_topk is set so high")), bug: "G32" },
  indexer("g14", "G14", "indexer_q", mutant("G14", "the indexer rotates halves")),
  indexer("g15", "G15", "indexer_q", mutant("G15", "the indexer's rotary channels")),
  indexer("g16", "G16", "indexer_q", mutant("G16", "the indexer's query is made before")),
  indexer("relu", undefined, "indexer_score", withoutRelu),
  indexer("g28", "G28", "indexer_score", mutant("G28", "negative head weights lose their sign")),
  {
    ...indexer("g03", "G03", "indexer_q", mutant("G03", "rope_theta is not found")),
    needsLongText: false,
  },
  {
    id: "noshare",
    group: "sharing",
    begins: ({ shared }) => `top_k-${shared}`,
    needsLongText: true,
    change: withIndexers((types) => lendersOf(types)),
  },
  {
    id: "g04",
    group: "sharing",
    bug: "G04",
    begins: ({ moved }) => `top_k-${moved}`,
    needsLongText: true,
    change: mutant("G04", "the schedule is off by one layer"),
  },
  {
    id: "g22",
    group: "sharing",
    bug: "G22",
    begins: ({ shared }) => `attn_out-${shared}`,
    needsLongText: true,
    change: borrowersSeeAll,
  },
  {
    id: "g36-scale",
    group: "experts",
    bug: "G36",
    begins: ({ sparse }) => `ffn_moe_weights-${sparse}`,
    needsLongText: false,
    change: mutant("G36", "routed_scaling_factor is never applied"),
  },
  {
    id: "g36-bias",
    group: "experts",
    bug: "G36",
    begins: ({ sparse }) => `ffn_moe_topk-${sparse}`,
    needsLongText: false,
    change: withoutBias,
  },
  {
    id: "g39",
    group: "experts",
    bug: "G39",
    begins: ({ sparse }) => `ffn_moe_out-${sparse}`,
    needsLongText: false,
    change: mutant("G39", "gate and up are swapped"),
  },
];

/** What the switches are for a model: only those whose layers it has. */
export function switchesOf(config: ModelConfig): SwitchFacts[] {
  const layers = beginningsOf(config);
  return SWITCHES.map(({ id, group, bug, begins, needsLongText }) => ({
    id,
    group,
    bug,
    begins: begins(layers),
    needsLongText,
    mostTokens: undefined,
  })).filter(({ begins }) => !begins.endsWith("--1"));
}

/** The model with switches pressed, in the order of the list; undefined where one does not exist. */
export function changedModel(right: Model, ids: readonly string[]): Model | undefined {
  const known = switchesOf(right.config).map(({ id }) => id);
  if (!ids.every((id) => known.includes(id))) return undefined;
  const pressed = SWITCHES.filter(({ id }) => ids.includes(id));
  return pressed.reduce((model, { change }) => change(model), right);
}

function beginningsOf({ indexerTypes, mlpLayerTypes }: ModelConfig): Beginnings {
  return {
    full: indexerTypes.indexOf("full"),
    shared: indexerTypes.indexOf("shared"),
    sparse: mlpLayerTypes.indexOf("sparse"),
    moved: indexerTypes.findIndex(
      (type, l) =>
        (type === "shared" && indexerTypes[l + 1] === "full") ||
        (type === "full" && indexerTypes[l - 1] === "shared"),
    ),
  };
}
