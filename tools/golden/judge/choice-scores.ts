/**
 * The scores that a choice is made from, and how far an engine's own scores may be from them.
 *
 * Rows are chosen by the scores of an indexer, experts by the sigmoid of a router's logits plus a
 * bias. Where the engine's dump holds what its scores are made of, the distance is bounded from the
 * measured differences of that; where it does not, the bound of the stage stands in. An engine may round
 * its keys after the dump has taken them, when it caches them: its own scores tell that, if they are there.
 *
 * Next: judge.ts
 * @module
 */
import { sigmoid } from "../../../engine/numbers/math.ts";
import { parseStage, stageAt } from "../../../engine/trace/stage-names.ts";
import type { GoldenTensor } from "../case/case.ts";
import { magnitudeOf } from "./distance.ts";
import { type IndexerInputs, indexScoreBound, routerScoreBound } from "./selections.ts";

type Stages = ReadonlyMap<string, GoldenTensor>;

/** Router biases by layer. */
export type RouterBias = (layer: number) => ArrayLike<number> | undefined;

/** Expected scores of all candidates, and for each how far an engine's may be off. */
export interface ChoiceScores {
  readonly scores: GoldenTensor;
  readonly bounds: Float64Array;
}

/**
 * The scores behind the choice `name`; undefined where they are not known, so that nothing about the
 * choice can be explained.
 *
 * @param allowed how far a stage may be off, as a share of its largest magnitude. It stands in for
 *   what `got` lacks; without it there are no scores then
 */
export function choiceScores(
  name: string,
  got: Stages,
  want: Stages,
  bias: RouterBias,
  allowed?: (stage: string) => number,
): ChoiceScores | undefined {
  const source = sourceOf(name, want);
  const numbers = source === undefined ? undefined : want.get(source);
  if (source === undefined || !numbers) return undefined;
  const { stage, number: layer = 0 } = parseStage(source);
  const isRouter = stage === "ffn_moe_logits";
  const scores = isRouter ? biased(numbers, bias(layer)) : numbers;
  if (!scores) return undefined;
  const measured = isRouter
    ? routerBounds(got.get(source), numbers)
    : indexerBounds(got, want, layer, scores);
  if (measured) return { scores, bounds: measured };
  if (!allowed) return undefined;
  // The slope of a sigmoid is ¼ at most.
  const room = allowed(source) * magnitudeOf(numbers.data) * (isRouter ? 0.25 : 1);
  return { scores, bounds: new Float64Array(scores.data.length).fill(room) };
}

/** The stage that the choice `name` is made from. */
function sourceOf(name: string, want: Stages): string | undefined {
  const { stage, number = 0 } = parseStage(name);
  if (stage === "ffn_moe_topk") return stageAt("ffn_moe_logits", number);
  // Scores of later draft steps are not recorded. Those of the first are the last that there are.
  const isDraft = stage === "mtp_top_k";
  if (isDraft && number > 0) return undefined;
  // The rows of a shared layer were chosen by the last full layer before it.
  const full = [...want.keys()]
    .map(parseStage)
    .filter((one) => one.stage === "indexer_score" && (isDraft || (one.number ?? 0) <= number));
  const last = Math.max(...full.map((one) => one.number ?? 0));
  return full.length > 0 ? stageAt("indexer_score", last) : undefined;
}

function biased(
  { shape, data }: GoldenTensor,
  bias: ArrayLike<number> | undefined,
): GoldenTensor | undefined {
  if (!bias) return undefined;
  return { shape, data: Float64Array.from(data, (x, i) => sigmoid(x) + bias[i % bias.length]) };
}

const routerBounds = (
  got: GoldenTensor | undefined,
  want: GoldenTensor,
): Float64Array | undefined => got && routerScoreBound(got, want);

function indexerBounds(
  got: Stages,
  want: Stages,
  layer: number,
  scores: GoldenTensor,
): Float64Array | undefined {
  const [theirs, ours] = [inputsOf(got, layer), inputsOf(want, layer)];
  const bounds = theirs && ours && indexScoreBound(theirs, ours, scores);
  const own = got.get(stageAt("indexer_score", layer));
  if (!bounds || own?.data.length !== bounds.length) return bounds;
  return bounds.map((bound, i) => {
    const off = Math.abs(own.data[i] - scores.data[i]);
    return off > bound && Number.isFinite(off) ? off : bound;
  });
}

function inputsOf(stages: Stages, layer: number): IndexerInputs | undefined {
  const [q, k, w] = (["indexer_q", "indexer_k", "indexer_weights"] as const).map((stage) =>
    stages.get(stageAt(stage, layer)),
  );
  return q && k && w && { q, k, w };
}
