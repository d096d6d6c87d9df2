/** Bugs of the multi-token-prediction layer. */

import type { Tensor } from "../../../engine/base/tensor.ts";
import type { Model } from "../../../engine/model/model.ts";
import type { MtpWeights } from "../../../engine/model/weights.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import { type Mutant, withConfig, withOps } from "./mutant.ts";
import { mapped } from "./wrong-ops.ts";

/** Replaces the RMSNorm where its gain is one of the MTP layer's. */
const withNorms = (
  norm: (ops: Ops, mtp: MtpWeights, right: Model) => Ops["rmsNorm"],
): Mutant["change"] =>
  withOps((ops, right) => {
    const { mtp } = right.weights;
    return mtp ? { rmsNorm: norm(ops, mtp, right) } : {};
  });

export const mtpMutants: readonly Mutant[] = [
  {
    bug: "G40",
    what: "a draft step starts from the hidden state before shared_head.norm",
    golden: "tiny-all",
    stage: "mtp_eh_proj-1",
    change: withNorms((ops, mtp) => {
      let before: Tensor["data"] = new Float64Array();
      let after: Tensor["data"] = before;
      return (x, gain, eps) => {
        if (gain === mtp.hnorm && x.data.buffer === after.buffer) {
          const data = before.subarray(before.length - x.data.length);
          return ops.rmsNorm({ ...x, data }, gain, eps);
        }
        const y = ops.rmsNorm(x, gain, eps);
        if (gain === mtp.sharedHeadNorm) [before, after] = [x.data, y.data];
        return y;
      };
    }),
  },
  {
    bug: "G40",
    what: "shared_head.norm is applied twice",
    golden: "tiny-all",
    stage: "mtp_hidden-0",
    change: withNorms((ops, mtp) => (x, gain, eps) => {
      const y = ops.rmsNorm(x, gain, eps);
      return gain === mtp.sharedHeadNorm ? ops.rmsNorm(y, gain, eps) : y;
    }),
  },
  {
    bug: "G40",
    what: "the first draft step starts from the hidden state before model.norm",
    golden: "tiny-all",
    stage: "mtp_eh_proj-0",
    change: withNorms((ops, mtp, { weights }) => {
      let before: Tensor["data"] | undefined;
      return (x, gain, eps) => {
        if (gain === weights.norm) before = x.data;
        if (gain !== mtp.hnorm || !before) return ops.rmsNorm(x, gain, eps);
        const data = before.subarray(0, x.data.length);
        before = undefined;
        return ops.rmsNorm({ ...x, data }, gain, eps);
      };
    }),
  },
  {
    bug: "G41",
    what: "eh_proj gets the hidden state first and the embedding second",
    golden: "tiny-all",
    stage: "mtp_eh_proj-0",
    change: withOps((ops) => ({
      join: (a, b) =>
        String(a.dims[1]) === "hidden"
          ? ops.join({ ...a, data: b.data }, { ...b, data: a.data })
          : ops.join(a, b),
    })),
  },
  {
    bug: "G42",
    what: "every draft step selects for itself, against index_share_for_mtp_iteration",
    golden: "tiny-all",
    stage: "mtp_hidden-1",
    change: withConfig(() => ({ indexShareForMtpIteration: false })),
  },
  {
    bug: "G42",
    what: "draft steps reuse the first step's rows, though the config says they select",
    golden: "sharded",
    stage: "mtp_hidden-1",
    change: withConfig(() => ({ indexShareForMtpIteration: true })),
  },
  {
    bug: "G42",
    what: "the MTP layer attends to the rows of the main model's last full layer",
    golden: "tiny-all",
    stage: "top_k-5",
    change: withOps((ops, { config }) => {
      const nFull = config.indexerTypes.filter((type) => type === "full").length;
      const made: ReturnType<Ops["topK"]>[] = [];
      return {
        topK: (scores, k) => {
          const chosen = ops.topK(scores, k);
          made.push(chosen);
          if (made.length !== nFull + 1) return chosen;
          const data = made[nFull - 1].data.slice(0, chosen.data.length);
          return { ...chosen, data };
        },
      };
    }),
  },
  {
    bug: "G43",
    what: "the embedding of slot 0 is zeroed",
    golden: "tiny-all",
    stage: "mtp_eh_proj-0",
    change: withNorms((ops, mtp) => {
      let first = true;
      return (x, gain, eps) => {
        const y = ops.rmsNorm(x, gain, eps);
        if (gain !== mtp.enorm || !first) return y;
        first = false;
        return mapped(y, (v, _c, row) => (row === 0 ? 0 : v));
      };
    }),
  },
];
