/**
 * Measures how fast the files of a model come from their disk, with the readers of a streamed model.
 * @module
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { streamFiles } from "../node/stream-files.ts";
import { UserError } from "../node/user-error.ts";
import type { DiskRate } from "./streaming.ts";

/** Bytes of one read: an expert of GLM-5.2 in fp8. */
const RUN = 36 * 2 ** 20;

/** Reads that are under way at the same time. */
const DEPTH = 4;

/** Bytes to read, if there are as many. */
const ENOUGH = 2 ** 30;

/** Seconds after which no further read begins. */
const PATIENCE = 3;

/** Bytes of a page of WebAssembly memory. */
const PAGE = 2 ** 16;

/**
 * Reads a gigabyte of the weights of a folder.
 *
 * @throws {UserError} when there are no weights
 */
export async function measureDisk(folder: string): Promise<DiskRate> {
  const runs = await runsOf(folder);
  if (runs.length === 0) throw new UserError(folder, "expected weights to read, found none");
  const pages = (DEPTH * RUN) / PAGE;
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const files = await streamFiles(folder);
  try {
    const begin = (i: number) => {
      const { file, offset, length } = runs[i];
      const target = new Uint8Array(buffer, (i % DEPTH) * RUN, length);
      return files.begin([{ file, offset, target }]);
    };
    const start = performance.now();
    const seconds = (): number => (performance.now() - start) / 1000;
    const underWay = runs.slice(0, DEPTH).map((_, i) => begin(i));
    for (let i = 0; i < underWay.length; i++) {
      underWay[i].wait();
      if (i + DEPTH < runs.length && seconds() < PATIENCE) underWay.push(begin(i + DEPTH));
    }
    const gigabytes = files.counts.bytes / 1e9;
    return {
      gbps: gigabytes / seconds(),
      measured: `${files.how}; ${gigabytes.toPrecision(2)} GB read`,
    };
  } finally {
    await files.close();
  }
}

/** Runs of the largest files, one after the other. */
async function runsOf(folder: string) {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".safetensors"));
  const files = await Promise.all(
    names.map(async (file) => ({ file, size: (await stat(join(folder, file))).size })),
  );
  const runs: { readonly file: string; readonly offset: number; readonly length: number }[] = [];
  for (const { file, size } of files.sort((a, b) => b.size - a.size)) {
    for (let at = 0; at < size && runs.length * RUN < ENOUGH; at += RUN) {
      runs.push({ file, offset: at, length: Math.min(RUN, size - at) });
    }
  }
  return runs;
}
