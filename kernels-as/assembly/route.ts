// route: the nActive experts of each token, ascending, and their weights
//
// Specification: engine/ops/reference/route.ts
// Difference:    none: f64 in the same order, one rounding to f32 at the end.
// Requires:      rows of logits that lie one after the other; nActive ≤ nE; nGroup divides nE; no NaN;
//                scratch of routeScratchBytes.
import { sigmoid } from "./sigmoid";

/** The state of an expert, or of a group: it may not be chosen, it may be chosen, it is chosen. */
const CLOSED: u8 = 0;
const OPEN: u8 = 1;
const CHOSEN: u8 = 2;

export function routeScratchBytes(nE: i32, nGroup: i32): usize {
  return ((<usize>nE) << 4) + ((<usize>nGroup) << 3) + <usize>nE + <usize>nGroup;
}

export function route(
  experts: usize,
  weights: usize,
  logits: usize,
  bias: usize,
  nT: i32,
  nE: i32,
  nActive: i32,
  nGroup: i32,
  topkGroup: i32,
  isNormed: bool,
  scale: f64,
  scratch: usize,
): void {
  const scores = scratch;
  const biased = scores + ((<usize>nE) << 3);
  const worth = biased + ((<usize>nE) << 3);
  const states = worth + ((<usize>nGroup) << 3);
  const groups = states + <usize>nE;
  for (let t = 0; t < nT; t++) {
    for (let e = 0; e < nE; e++) {
      const score = sigmoid(<f64>load<f32>(logits + ((<usize>e) << 2)));
      store<f64>(scores + ((<usize>e) << 3), score);
      store<f64>(biased + ((<usize>e) << 3), score + <f64>load<f32>(bias + ((<usize>e) << 2)));
    }
    if (nGroup == 1) memory.fill(states, OPEN, nE);
    else openGroups(states, groups, worth, biased, nE, nGroup, topkGroup);
    choose(states, biased, nE, nActive);

    let sum: f64 = 0;
    for (let e = 0; e < nE; e++) {
      if (load<u8>(states + <usize>e) == CHOSEN) sum += load<f64>(scores + ((<usize>e) << 3));
    }
    const factor = isNormed ? scale / (sum + 1e-20) : scale;
    let a: usize = 0;
    for (let e = 0; e < nE; e++) {
      if (load<u8>(states + <usize>e) != CHOSEN) continue;
      store<i32>(experts + a, e);
      store<f32>(weights + a, <f32>(load<f64>(scores + ((<usize>e) << 3)) * factor));
      a += 4;
    }
    experts += (<usize>nActive) << 2;
    weights += (<usize>nActive) << 2;
    logits += (<usize>nE) << 2;
  }
}

/** Opens the experts of the groups whose two best sum to most, and closes the others. */
function openGroups(
  states: usize,
  groups: usize,
  worth: usize,
  biased: usize,
  nE: i32,
  nGroup: i32,
  topkGroup: i32,
): void {
  const size = nE / nGroup;
  for (let g = 0; g < nGroup; g++) {
    let best: f64 = -Infinity;
    let second: f64 = -Infinity;
    for (let i = 0; i < size; i++) {
      const score = load<f64>(biased + ((<usize>(g * size + i)) << 3));
      if (score > best) {
        second = best;
        best = score;
      } else if (score > second) second = score;
    }
    store<f64>(worth + ((<usize>g) << 3), size == 1 ? best : best + second);
  }
  memory.fill(groups, OPEN, nGroup);
  choose(groups, worth, nGroup, topkGroup);
  for (let g = 0; g < nGroup; g++) {
    const state = load<u8>(groups + <usize>g) == CHOSEN ? OPEN : CLOSED;
    memory.fill(states + <usize>(g * size), state, size);
  }
}

/** Chooses the n with the largest scores among those that are open; of equal ones, the smaller number. */
function choose(states: usize, scores: usize, count: i32, n: i32): void {
  for (; n > 0; n--) {
    let best = -1;
    let most: f64 = 0;
    for (let i = 0; i < count; i++) {
      if (load<u8>(states + <usize>i) != OPEN) continue;
      const score = load<f64>(scores + ((<usize>i) << 3));
      if (best >= 0 && !(score > most)) continue;
      best = i;
      most = score;
    }
    if (best < 0) return;
    store<u8>(states + <usize>best, CHOSEN);
  }
}
