/**
 * Compares one decoded token at 32K positions in a cache with pages of 64 rows and in a contiguous
 * cache, which is one page that holds everything.
 *
 *     npm run build:kernels && npx vitest bench --run bench/kv
 */
import { bench, describe } from "vitest";
import { noTaps } from "../../engine/base/tap.ts";
import { newModelCache } from "../../engine/index.ts";
import { forward } from "../../engine/model/model.ts";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { fastOps } from "../support.ts";
import { fill } from "./fill.ts";

const N = 32_768;
const ops = await fastOps();
const model = tinyModel({ max_position_embeddings: 2 * N, index_topk: 2048 }, ops);
const options = { time: 1500, warmupTime: 500 };

describe(`one token after ${N} positions, tiny model`, () => {
  for (const pageRows of [64, N]) {
    const cache = newModelCache(ops, model.config, { pageRows });
    fill(ops, cache, N - 1);
    const step = (): void => {
      const mark = ops.mark();
      forward(model, Int32Array.of(3), Int32Array.of(N - 1), cache, noTaps);
      cache.truncate(N - 1);
      ops.release(mark);
    };
    bench(pageRows === N ? "one page: contiguous" : `pages of ${pageRows}`, step, options);
  }
});
