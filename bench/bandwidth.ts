/**
 * Measures products of one token with matrices that are too large for the caches of the processor.
 *
 *     npm run build && node dist/bench/bandwidth.js
 *
 * For each stored format, it prints how many GB/s of weights the product reads; which share that is
 * of the speed of a kernel that only reads, in the same run and with as many threads; and how many
 * times as fast the product is as the best plain JavaScript.
 * @module
 */
import { execFileSync } from "node:child_process";
import { argv, execPath, stdout, versions } from "node:process";
import asc from "assemblyscript/asc";
import type { Tensor, Weight } from "../engine/base/tensor.ts";
import { GROUP, type RawTensor } from "../engine/numbers/raw-tensor.ts";
import { Arena } from "../engine/ops/wasm/arena.ts";
import { type WasmOps, wasmOps } from "../engine/ops/wasm/index.ts";
import type { Kernels } from "../engine/ops/wasm/kernels.ts";
import { share, Team } from "../engine/ops/wasm/team.ts";
import { kernels } from "../tools/node/node-host.ts";
import { nodeThreads } from "../tools/node/threads.ts";
import { turnTurboOn } from "../tools/node/turbo.ts";

const [N_ROWS, N_COLUMNS] = [4096, 6144];

/**
 * So many bytes are read before any byte is read again. It is more than the largest caches hold.
 */
const CYCLE = 2 ** 30;

/** Number of measurements; the best one counts. */
const ROUNDS = 12;

/** A kernel that reads four streams of memory and does as little as possible with them. */
const READER = `
  export function heapBase(): usize { return __heap_base; }
  export function read(from: usize, bytes: usize): void {
    const quarter = bytes >> 2;
    let a = i32x4.splat(0), b = a, c = a, d = a;
    for (let p = from, end = from + quarter; p < end; p += 32) {
      a = v128.or(a, v128.or(v128.load(p), v128.load(p, 16)));
      b = v128.or(b, v128.or(v128.load(p + quarter), v128.load(p + quarter, 16)));
      c = v128.or(c, v128.or(v128.load(p + 2 * quarter), v128.load(p + 2 * quarter, 16)));
      d = v128.or(d, v128.or(v128.load(p + 3 * quarter), v128.load(p + 3 * quarter, 16)));
    }
    v128.store(64, v128.or(v128.or(a, b), v128.or(c, d)));
  }`;

/** Bytes per weight, how rows are read in plain JavaScript, and the tensor. */
interface Format {
  readonly bytes: number;
  readonly raw: () => RawTensor;
  readonly javaScript: (y: Float32Array, x: Float32Array) => void;
}

const shape = [N_ROWS, N_COLUMNS];
const size = N_ROWS * N_COLUMNS;
const x = Float32Array.from({ length: N_COLUMNS }, (_, i) => ((i * 37) % 101) / 101 - 0.5);
const bytesOf = (n: number) => new Uint8Array(n).fill(0x3c);

/** The product in plain JavaScript, four rows at a time; `at` returns weight `i` of the matrix. */
function fourRows(y: Float32Array, at: (i: number) => number): void {
  for (let o = 0; o < N_ROWS; o += 4) {
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    const first = o * N_COLUMNS;
    for (let i = 0; i < N_COLUMNS; i++) {
      const xi = x[i];
      s0 += xi * at(first + i);
      s1 += xi * at(first + N_COLUMNS + i);
      s2 += xi * at(first + 2 * N_COLUMNS + i);
      s3 += xi * at(first + 3 * N_COLUMNS + i);
    }
    y[o] = s0;
    y[o + 1] = s1;
    y[o + 2] = s2;
    y[o + 3] = s3;
  }
}

/**
 * The product with grouped weights in plain JavaScript. It multiplies with a scale once per group.
 */
function groupRows(y: Float32Array, at: (i: number) => number, scales: Float32Array): void {
  for (let o = 0; o < N_ROWS; o++) {
    let sum = 0;
    for (let g = 0; g < N_COLUMNS / GROUP; g++) {
      const first = o * N_COLUMNS + g * GROUP;
      let part = 0;
      for (let i = 0; i < GROUP; i++) part += x[g * GROUP + i] * at(first + i);
      sum += part * scales[first / GROUP];
    }
    y[o] = sum;
  }
}

const floats = new Float32Array(size).fill(0.5);
const halves = new Uint16Array(size).fill(0x3f00);
const signed = new Int8Array(size).fill(3);
const nibbles = new Uint8Array(size / 2).fill(0x3c);
const scales = new Float32Array(size / GROUP).fill(0.01);
const table = new Float32Array(65536).map(
  (_, bits) => new Float32Array(Uint32Array.of(bits << 16).buffer)[0],
);
const groupScales = () => new Uint16Array(size / GROUP).fill(0x2000);

// biome-ignore format: one format per line
const FORMATS: Readonly<Record<string, Format>> = {
  f32: { bytes: 4, raw: () => ({ dtype: "F32", shape, bytes: bytesOf(4 * size) }), javaScript: (y) => fourRows(y, (i) => floats[i]) },
  bf16: { bytes: 2, raw: () => ({ dtype: "BF16", shape, bytes: bytesOf(2 * size) }), javaScript: (y) => fourRows(y, (i) => table[halves[i]]) },
  q8: { bytes: 34 / 32, raw: () => ({ dtype: "Q8", shape, bytes: bytesOf(size), groupScales: groupScales() }), javaScript: (y) => groupRows(y, (i) => signed[i], scales) },
  q4: { bytes: 18 / 32, raw: () => ({ dtype: "Q4", shape, bytes: bytesOf(size / 2), groupScales: groupScales() }), javaScript: (y) => groupRows(y, (i) => ((nibbles[i >> 1] >> ((i & 1) << 2)) & 15) - 8, scales) },
};

const seconds = (run: () => void): number => {
  const start = performance.now();
  run();
  return (performance.now() - start) / 1000;
};

/**
 * Makes a function that multiplies with the next of many equal matrices: none is in a cache then.
 */
function cycling(ops: WasmOps, { bytes, raw }: Format): () => void {
  const matrix = raw();
  const n = Math.ceil(CYCLE / (bytes * size));
  const all = Array.from(
    { length: n },
    (): Weight<["o", "i"]> => ops.place(["o", "i"], [N_ROWS, N_COLUMNS], matrix),
  );
  const row: Tensor<["t", "i"]> = ops.tensor(["t", "i"], [1, N_COLUMNS], x);
  const mark = ops.mark();
  let next = 0;
  return () => {
    ops.linear(row, all[next++ % n]);
    ops.release(mark);
  };
}

async function reading(count: number): Promise<{ run: () => void; close: () => void }> {
  const memory = new WebAssembly.Memory({ initial: 32768, maximum: 32768, shared: true });
  const { binary, stderr } = await asc.compileString(READER, {
    optimizeLevel: 3,
    runtime: "stub",
    enable: ["simd", "threads"],
    sharedMemory: true,
    initialMemory: 32768,
    maximumMemory: 32768,
    importMemory: true,
  });
  if (!binary) throw new Error(String(stderr));
  const module = await WebAssembly.compile(new Uint8Array(binary));
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const kernels = instance.exports as unknown as Kernels;
  const arena = new Arena(memory, kernels.heapBase());
  new Uint8Array(memory.buffer).fill(1, 2 ** 20);
  const bank = { arena, kernels };
  const team =
    count === 1
      ? Team.alone([bank])
      : await Team.start([bank], nodeThreads(count), { module, memories: [memory], isWide: false });
  const step = CYCLE / 8;
  let next = 0;
  const run = () => {
    const from = 2 ** 20 + (next++ % 8) * step;
    team.run(step, (thread, part, parts) => {
      const [first, end] = share(step, 256, part, parts);
      (thread as unknown as { read(from: number, n: number): void }).read(
        from + first,
        end - first,
      );
    });
  };
  return { run, close: () => team.close() };
}

/** One line of the table. */
async function measure(name: string, threads: number): Promise<string> {
  const format = FORMATS[name];
  const reader = await reading(threads);
  const bytes = await kernels();
  const isWide = (await turnTurboOn(bytes)) === "on";
  const setup = { memoryBytes: 2 ** 31, threads: nodeThreads(threads), isWide };
  const ops = await wasmOps(bytes, { ...setup, activations: "int8" });
  const product = cycling(ops, format);
  const y = new Float32Array(N_ROWS);
  for (let i = 0; i < 8; i++) product();
  const best = { read: 1e9, product: 1e9, javaScript: 1e9 };
  for (let round = 0; round < ROUNDS; round++) {
    best.read = Math.min(best.read, seconds(reader.run));
    best.product = Math.min(best.product, seconds(product));
    best.javaScript = Math.min(
      best.javaScript,
      seconds(() => format.javaScript(y, x)),
    );
  }
  await ops.close();
  reader.close();
  const read = CYCLE / 8 / best.read / 1e9;
  const rate = (format.bytes * size) / best.product / 1e9;
  const times = (best.javaScript / best.product).toFixed(1);
  const cells = [name, threads, read.toFixed(1), rate.toFixed(1), (rate / read).toFixed(2), times];
  return `${cells.join("\t")}\n`;
}

// Each line has a process of its own, in which plain JavaScript is compiled for one format only.
if (argv[2] !== undefined) stdout.write(await measure(argv[2], Number(argv[3])));
else {
  stdout.write(`Node ${versions.node}; ${N_ROWS} x ${N_COLUMNS}, one token\n`);
  stdout.write("format\tthreads\tread GB/s\tproduct GB/s\tshare of reading\ttimes JavaScript\n");
  for (const threads of ["1", "2"]) {
    for (const name of Object.keys(FORMATS)) {
      const line = execFileSync(execPath, [argv[1], name, threads], { encoding: "utf8" });
      stdout.write(line);
    }
  }
}
