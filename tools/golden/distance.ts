/**
 * How far the numbers of a stage are from the right ones, in the measures that engine authors use.
 * @module
 */
import type { GoldenTensor } from "./case.ts";

/** Differences of one stage. */
export interface Distance {
  /** Largest `|got − want|`. */
  readonly maxAbs: number;
  /** The same over the largest `|want|`. */
  readonly maxRel: number;
  /** `Σ (got − want)² / Σ want²` */
  readonly nmse: number;
  /** `got · want / (‖got‖ ‖want‖)` */
  readonly cosine: number;
}

/** Compares arrays of one length. Where both are the same infinity (a masked score) or NaN, they are equal. */
export function distance(got: ArrayLike<number>, want: ArrayLike<number>): Distance {
  let [maxAbs, largest, error, gotSq, wantSq, dot] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < want.length; i++) {
    const [a, b] = [got[i], want[i]];
    if (!Number.isFinite(a) && Object.is(a, b)) continue;
    const d = Math.abs(a - b);
    maxAbs = Math.max(maxAbs, d);
    largest = Math.max(largest, Math.abs(b));
    error += d * d;
    gotSq += a * a;
    wantSq += b * b;
    dot += a * b;
  }
  return {
    maxAbs,
    maxRel: maxAbs / (largest || 1),
    nmse: error / (wantSq || 1),
    cosine: gotSq && wantSq ? dot / Math.sqrt(gotSq * wantSq) : Number(gotSq === wantSq),
  };
}

/** How two rows of logits compare, over all tokens. */
export interface LogitsDistance {
  readonly rows: number;
  /** Rows with the same likeliest token. */
  readonly sameTop1: number;
  /** Mean and largest KL divergence of got from want, in nats. */
  readonly meanKl: number;
  readonly maxKl: number;
}

/** Compares logits `[T, vocab]`. */
export function logitsDistance(got: GoldenTensor, want: GoldenTensor): LogitsDistance {
  const [rows, nVocab] = want.shape;
  let [sameTop1, sum, maxKl] = [0, 0, 0];
  for (let t = 0; t < rows; t++) {
    const p = logSoftmax(want.data.subarray(t * nVocab, (t + 1) * nVocab));
    const q = logSoftmax(got.data.subarray(t * nVocab, (t + 1) * nVocab));
    const kl = Math.max(
      0,
      p.reduce((total, x, i) => total + Math.exp(x) * (x - q[i]), 0),
    );
    sum += kl;
    maxKl = Math.max(maxKl, kl);
    if (p.indexOf(Math.max(...p)) === q.indexOf(Math.max(...q))) sameTop1++;
  }
  return { rows, sameTop1, meanKl: sum / rows, maxKl };
}

function logSoftmax(logits: ArrayLike<number>): Float64Array {
  const x = Float64Array.from(logits);
  const top = x.reduce((a, b) => Math.max(a, b));
  const sum = x.reduce((total, v) => total + Math.exp(v - top), 0);
  return x.map((v) => v - top - Math.log(sum));
}

/**
 * The heads of `got` in the order of `want`'s, if they are the same in another order. Both are
 * `[T, H, d]`; a head is the same when its NMSE is at most `limit`.
 */
export function headOrder(
  got: GoldenTensor,
  want: GoldenTensor,
  limit: number,
): number[] | undefined {
  const [nT, nH, nD] = want.shape;
  const head = ({ data }: GoldenTensor, h: number) =>
    Float64Array.from(
      { length: nT * nD },
      (_, i) => data[(Math.floor(i / nD) * nH + h) * nD + (i % nD)],
    );
  const heads = Array.from({ length: nH }, (_, h) => head(got, h));
  const order = heads.map((_, h) => {
    const right = head(want, h);
    return heads.findIndex((one) => distance(one, right).nmse <= limit);
  });
  const isPermutation = new Set(order).size === nH && !order.includes(-1);
  return isPermutation && order.some((h, i) => h !== i) ? order : undefined;
}
