/**
 * Diagnoses a dump beside the model alone, and beside the model with the dump's choices.
 *
 * The first shows most. But in a class that rounds much, turned choices leave few rows to compare, and a
 * mistake behind them is seen by the second alone. A mistake in a choice itself, or in how draft steps
 * follow each other, is seen by the first alone.
 *
 * Next: diagnose.ts
 * @module
 */
import { runForced } from "../judge/forced.ts";
import { type Judged, judge } from "../judge/judge.ts";
import { type DiagnoseOptions, type Diagnosis, diagnose } from "./diagnose.ts";

/**
 * The diagnosis of a judged dump. Where it was judged beside the model alone, its choices are taken for a
 * second try only where rounding has turned some.
 */
export async function diagnoseBothWays(
  judged: Judged,
  options: DiagnoseOptions = {},
): Promise<Diagnosis> {
  const { dump, expected, kind, replayed } = judged;
  // Runs that are known already are those beside what the dump was judged with.
  const { runs: _known, ...others } = options;
  if (!replayed) {
    const plain = await diagnose(judged, options);
    const isTurned = judged.judgement.stages.some(
      ({ selection }) => (selection?.explained ?? 0) > 0,
    );
    // Without pairs, something else explains the dump.
    if (isNamed(plain) || !isTurned || options.withPairs === false) return plain;
    const replay = runForced(dump, expected);
    const again = await diagnose(
      { ...judged, replayed: replay, judgement: judge(dump, expected, kind, replay) },
      others,
    );
    return isNamed(again) || plain.firstOff === undefined ? again : plain;
  }
  const { replayed: _, ...alone } = judged;
  const plain = await diagnose({ ...alone, judgement: judge(dump, expected, kind) }, others);
  return isNamed(plain) ? plain : diagnose(judged, options);
}

const isNamed = ({ suspects, pairs }: Diagnosis): boolean =>
  pairs.length > 0 || suspects.some(({ fits }) => fits);
