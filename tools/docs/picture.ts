/**
 * The picture of the architecture: the rooms of the repository, and who uses whom.
 *
 * docs/architecture.svg is this text. A test makes it again, compares, and looks for an import behind
 * every arrow. Frames bring their own ground, and arrows are of a middle grey, so that the picture can be
 * read on a light page and on a dark one.
 * @module
 */

/** A rectangle with a name. */
interface Box {
  readonly name: string;
  /** What the room is for, in a few words. */
  readonly note: string;
  /** The folders or files of the room, from the root of the repository. */
  readonly folders: readonly string[];
  readonly x: number;
  readonly y: number;
  readonly w: number;
}

/** A frame around boxes that lie in one folder. */
interface Frame {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  readonly colour: string;
}

/** `from` uses `to`; the arrow stands at `x`, or lies in the middle of both when `x` is not given. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly x?: number;
}

const WIDTH = 960;
const HEIGHT = 770;
const BOX_HEIGHT = 46;

const FRAMES: readonly Frame[] = [
  { name: "tools/", x: 10, y: 10, w: 940, h: 330, colour: "#fcf3e3" },
  { name: "engine/", x: 10, y: 360, w: 620, h: 400, colour: "#e6f1fc" },
  { name: "tokenizer/", x: 650, y: 360, w: 300, h: 190, colour: "#e9f5e9" },
  { name: "kernels-as/", x: 650, y: 588, w: 300, h: 92, colour: "#f5edfa" },
];

const row = (
  y: number,
  ...boxes: (readonly [x: number, w: number, folder: string, name: string, note: string])[]
): Box[] => boxes.map(([x, w, folder, name, note]) => ({ x, y, w, name, note, folders: [folder] }));

/** All rooms, from the top of the picture to its bottom. */
export const BOXES: readonly Box[] = [
  ...row(40, [30, 900, "tools/cli", "cli", "the command line: one file for each command"]),
  ...row(
    116,
    [30, 170, "tools/golden", "golden", "checks other engines"],
    [215, 115, "tools/eval", "eval", "long contexts"],
    [345, 130, "tools/inspect", "inspect", "sizes and costs"],
    [490, 120, "tools/convert", "convert", "other formats"],
    [625, 120, "tools/sessions", "sessions", "kept on disk"],
    [760, 170, "tools/serve", "serve", "answers over HTTP"],
  ),
  ...row(192, [30, 900, "tools/node", "node", "glm52.ts/node: folders, files, threads"]),
  ...row(268, [
    30,
    900,
    "tools/library",
    "library",
    "glm52.ts: open, generate, chat, trace, score",
  ]),
  ...row(
    390,
    [30, 150, "engine/trace", "trace", "records every stage"],
    [200, 230, "engine/generate", "generate", "sessions, sampling, guessing"],
    [450, 160, "engine/batch", "batch", "many texts at once"],
  ),
  ...row(
    466,
    [30, 380, "engine/model", "model", "what is computed: the layers of GLM-5.2"],
    [430, 180, "engine/weights", "weights", "checkpoints"],
  ),
  ...row(
    542,
    [30, 180, "engine/kv", "kv", "caches in pages"],
    [230, 380, "engine/ops/ops.ts", "ops", "the interface: one method for each operation"],
  ),
  ...row(
    618,
    [230, 180, "engine/ops/reference", "ops/reference", "the specification"],
    [430, 180, "engine/ops/wasm", "ops/wasm", "the fast backend"],
  ),
  {
    name: "base · config · numbers",
    note: "what all rooms of the engine are built on",
    folders: ["engine/base", "engine/config", "engine/numbers"],
    x: 30,
    y: 696,
    w: 580,
  },
  ...row(390, [670, 260, "tokenizer/chat", "chat", "GLM-5.2's format of conversations"]),
  ...row(484, [670, 260, "tokenizer/tokenizer.ts", "tokenizer", "text ⇄ token ids"]),
  ...row(618, [670, 260, "kernels-as", "kernels", "AssemblyScript, SIMD"]),
];

/** The main ways of use. Rooms use others below them, too, that have no arrow here. */
export const ARROWS: readonly Arrow[] = [
  { from: "cli", to: "golden", x: 115 },
  { from: "cli", to: "eval", x: 272 },
  { from: "cli", to: "inspect", x: 410 },
  { from: "cli", to: "convert", x: 550 },
  { from: "cli", to: "sessions", x: 685 },
  { from: "cli", to: "serve", x: 845 },
  { from: "golden", to: "node", x: 115 },
  { from: "inspect", to: "node", x: 410 },
  { from: "convert", to: "node", x: 550 },
  { from: "serve", to: "node", x: 845 },
  { from: "node", to: "library", x: 480 },
  { from: "library", to: "trace", x: 105 },
  { from: "library", to: "generate", x: 320 },
  { from: "library", to: "chat", x: 800 },
  { from: "trace", to: "generate" },
  { from: "batch", to: "generate" },
  { from: "generate", to: "model", x: 320 },
  { from: "weights", to: "model" },
  { from: "model", to: "kv", x: 120 },
  { from: "model", to: "ops", x: 320 },
  { from: "weights", to: "ops", x: 520 },
  { from: "kv", to: "ops" },
  { from: "ops/reference", to: "ops", x: 320 },
  { from: "ops/wasm", to: "ops", x: 520 },
  { from: "ops/reference", to: "base · config · numbers", x: 320 },
  { from: "kv", to: "base · config · numbers", x: 120 },
  { from: "chat", to: "tokenizer", x: 800 },
  { from: "ops/wasm", to: "kernels" },
];

/** The text of docs/architecture.svg. */
export function picture(): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" role="img" aria-labelledby="title">
<title id="title">The rooms of glm52.ts. An arrow leads from a room to one that it uses.</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#6e7781"/></marker></defs>
${FRAMES.map(frameText).join("\n")}
${ARROWS.map(arrowText).join("\n")}
${BOXES.map(boxText).join("\n")}
</svg>
`;
}

function frameText({ name, x, y, w, h, colour }: Frame): string {
  return `<rect x="${x}" y="${y}" width="${w}" height="${h}" rx="8" fill="${colour}" stroke="#6e7781"/>
<text x="${x + 12}" y="${y + 20}" font-size="14" font-weight="bold" fill="#57606a">${name}</text>`;
}

function boxText({ name, note, x, y, w }: Box): string {
  const middle = x + w / 2;
  return `<rect x="${x}" y="${y}" width="${w}" height="${BOX_HEIGHT}" rx="5" fill="#ffffff" stroke="#57606a"/>
<text x="${middle}" y="${y + 20}" font-size="15" font-weight="bold" text-anchor="middle" fill="#1f2328">${name}</text>
<text x="${middle}" y="${y + 37}" font-size="12" text-anchor="middle" fill="#424a53">${note}</text>`;
}

function arrowText({ from, to, x }: Arrow): string {
  const [a, b] = [boxOf(from), boxOf(to)];
  if (x !== undefined) {
    const isDown = a.y < b.y;
    return line(x, isDown ? a.y + BOX_HEIGHT : a.y, x, isDown ? b.y : b.y + BOX_HEIGHT);
  }
  const y = a.y + BOX_HEIGHT / 2;
  return a.x < b.x ? line(a.x + a.w, y, b.x, y) : line(a.x, y, b.x + b.w, y);
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#6e7781" stroke-width="1.5" marker-end="url(#tip)"/>`;
}

/** The box of a name. */
export function boxOf(name: string): Box {
  const box = BOXES.find((one) => one.name === name);
  if (box) return box;
  throw new Error(`expected a box with the name ${name}`);
}
