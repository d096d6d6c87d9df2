/**
 * Whether two sets of sampled texts come from the same source, without any log-probability (maximum mean
 * discrepancy, with permutations within each prompt). Two texts are alike as far as they have the same tokens
 * in the same places.
 *
 * @see Gao, Liang and Guestrin, Model equality testing: which model is this API serving?
 * @module
 */
import { seededRandom } from "../../engine/generate/random.ts";

/** Rearrangements that are tried; the smallest probability is about one in so many. */
const PERMUTATIONS = 2000;

/** The texts that both sides sampled after one prompt, as tokens. */
export interface SamplePair {
  readonly got: readonly (readonly number[])[];
  readonly want: readonly (readonly number[])[];
}

/**
 * The probability that texts of one source, dealt out to both sides by chance, differ as much as these do or more.
 */
export function sameSource(prompts: readonly SamplePair[], length: number, seed: number): number {
  const random = seededRandom(seed);
  const tables = prompts.map(({ got, want }) => tableOf([...got, ...want], length));
  const orders = prompts.map(({ got, want }) => [...Array(got.length + want.length).keys()]);
  const differenceOf = () =>
    prompts.reduce((sum, { got }, i) => sum + discrepancy(tables[i], orders[i], got.length), 0);
  const seen = differenceOf();
  let atLeast = 1;
  for (let i = 0; i < PERMUTATIONS; i++) {
    for (const order of orders) shuffle(order, random);
    // Sums in another order must not decide.
    if (differenceOf() >= seen - 1e-9) atLeast++;
  }
  return atLeast / (PERMUTATIONS + 1);
}

/** How much alike all texts are, two by two: the share of places with the same token. */
function tableOf(texts: readonly (readonly number[])[], length: number): readonly Float64Array[] {
  return texts.map((a) =>
    Float64Array.from(texts, (b) => {
      let same = 0;
      for (let i = 0; i < length; i++) if ((a[i] ?? -1) === (b[i] ?? -1)) same++;
      return same / length;
    }),
  );
}

/** Texts of the same side are more alike than those of both sides: by how much. */
function discrepancy(
  table: readonly Float64Array[],
  order: readonly number[],
  nGot: number,
): number {
  const nWant = order.length - nGot;
  let within = 0;
  let across = 0;
  for (let i = 0; i < order.length; i++) {
    for (let j = 0; j < i; j++) {
      const alike = table[order[i]][order[j]];
      if (i < nGot) within += alike / (nGot * (nGot - 1));
      else if (j >= nGot) within += alike / (nWant * (nWant - 1));
      else across += alike / (nGot * nWant);
    }
  }
  return within - across;
}

function shuffle(order: number[], random: () => number): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
}
