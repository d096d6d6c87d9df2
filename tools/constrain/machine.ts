/**
 * Walks a network byte by byte: which bytes may come next, and whether the text may end.
 *
 * All ways through the network are walked at once. A way is a node and the calls that are open; all open
 * calls of all ways are kept once. The set of ways is a state. States never change, so going back to an
 * earlier one costs nothing, and where a byte leads to is kept with the state that it was read in.
 *
 * Next: token-tree.ts
 * @module
 */
import { ConstraintError } from "../../engine/index.ts";
import type { Rules } from "./forms.ts";
import { type BytesNode, type CallNode, type Node, networkOf, type RepeatNode } from "./network.ts";

/** A call that is open. */
interface Frame {
  readonly id: number;
  readonly node: CallNode | RepeatNode;
  /** How often the part of a repeat has been there. */
  readonly count: number;
  readonly below: Frame | undefined;
  readonly depth: number;
}

/** One way through the network: the next byte is read at `node`. */
interface Way {
  readonly node: BytesNode;
  readonly frame: Frame | undefined;
}

/** Where a text stands. */
export interface State {
  /** Whether the text may end here. */
  readonly isEnd: boolean;
  /** Whether no byte may follow. */
  readonly isStuck: boolean;
}

interface KnownState extends State {
  readonly ways: readonly Way[];
  /** The state after each byte, as far as it is known; null when the byte may not come. */
  nexts: (KnownState | null | undefined)[] | undefined;
}

/** Nodes that one byte may lead to. More come from forms in which a text can be read in very many ways. */
const MAX_NODES = 20_000;

/** Open calls of one way. JSON is read to 500 levels, and each of its levels is one call at least. */
const MAX_DEPTH = 480;

/** After so many states the machine forgets them, but for those that somebody holds. */
const MAX_STATES = 512;

const N_BYTES = 256;

/** Walks one network. */
export class Machine {
  /** Where every text begins. */
  readonly start: State;
  readonly #where: string;
  readonly #nNodes: number;
  readonly #frames = new Map<string, Frame>();
  readonly #states = new Map<string, KnownState>();
  #nFrames = 0;
  #work = 0;

  /**
   * @param where what to call the form in an error
   * @throws {ConstraintError} when the form is too large
   */
  constructor(rules: Rules, where: string) {
    const { start, nNodes } = networkOf(rules, where);
    this.#where = where;
    this.#nNodes = nNodes;
    this.start = this.#stateOf([[start, undefined]]);
  }

  /** How many nodes were looked at so far. */
  get work(): number {
    return this.#work;
  }

  /**
   * The state after one more byte; null when the byte may not come.
   *
   * @throws {ConstraintError} when the text can be read in too many ways
   */
  step(state: State, byte: number): State | null {
    const from = state as KnownState;
    const known = from.nexts?.[byte];
    if (known !== undefined) return known;
    const reached: [Node, Frame | undefined][] = [];
    for (const { node, frame } of from.ways) {
      for (const edge of node.edges) {
        if (byte >= edge.from && byte <= edge.to) reached.push([edge.next, frame]);
      }
    }
    const after = reached.length === 0 ? null : this.#stateOf(reached);
    const isLost = after === null || (after.isStuck && !after.isEnd);
    from.nexts ??= new Array<KnownState | null | undefined>(N_BYTES).fill(undefined);
    from.nexts[byte] = isLost ? null : after;
    return isLost ? null : after;
  }

  /** The state of everything that can be reached without a byte. */
  #stateOf(reached: readonly (readonly [Node, Frame | undefined])[]): KnownState {
    const ways: Way[] = [];
    let isEnd = false;
    const seen = new Set<string>();
    const open = [...reached].reverse().map(([node, frame]) => ({ node, frame, count: 0 }));
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const { node, frame, count } = at;
      const key = `${(frame?.id ?? 0) * this.#nNodes + node.id}:${count}`;
      if (seen.has(key)) continue;
      seen.add(key);
      this.#work++;
      if (seen.size > MAX_NODES) {
        const text = "a text can be read in too many ways; give a form in which it has one";
        throw new ConstraintError(this.#where, text);
      }
      switch (node.kind) {
        case "bytes":
          if (node.edges.length > 0) ways.push({ node, frame });
          break;
        case "split":
          for (const next of node.nexts) open.push({ node: next, frame, count: 0 });
          break;
        case "call": {
          // What nothing follows need not be come back from: a list as long as you like stays flat.
          const inner = node.next.kind === "end" ? frame : this.#frame(node, 0, frame);
          if (inner !== null) open.push({ node: node.rule.start, frame: inner, count: 0 });
          break;
        }
        case "repeat": {
          if (count >= node.min) open.push({ node: node.next, frame, count: 0 });
          const inner = count < node.max ? this.#frame(node, count, frame) : null;
          if (inner !== null) open.push({ node: node.body, frame: inner, count: 0 });
          break;
        }
        case "end":
          if (frame === undefined) isEnd = true;
          else if (frame.node.kind === "call") {
            open.push({ node: frame.node.next, frame: frame.below, count: 0 });
          } else {
            const { node: again } = frame;
            const most = again.max === Number.POSITIVE_INFINITY ? again.min : again.max;
            const next = Math.min(frame.count + 1, most);
            open.push({ node: again, frame: frame.below, count: next });
          }
          break;
      }
    }
    return this.#known(ways, isEnd);
  }

  /** The frame of a call; null when too many are open. */
  #frame(node: CallNode | RepeatNode, count: number, below: Frame | undefined): Frame | null {
    const key = `${node.id}:${count}:${below?.id ?? 0}`;
    const known = this.#frames.get(key);
    if (known) return known;
    const depth = (below?.depth ?? 0) + 1;
    if (depth > MAX_DEPTH) return null;
    const frame = { id: ++this.#nFrames, node, count, below, depth };
    this.#frames.set(key, frame);
    return frame;
  }

  #known(ways: readonly Way[], isEnd: boolean): KnownState {
    const keys = ways.map(({ node, frame }) => (frame?.id ?? 0) * this.#nNodes + node.id);
    const key = `${isEnd}:${keys.sort((a, b) => a - b).join()}`;
    const known = this.#states.get(key);
    if (known) return known;
    if (this.#states.size >= MAX_STATES) this.#forget();
    const state: KnownState = { ways, isEnd, isStuck: ways.length === 0, nexts: undefined };
    this.#states.set(key, state);
    return state;
  }

  /** States lead to each other, so they must let go of each other, too. */
  #forget(): void {
    for (const state of this.#states.values()) state.nexts = undefined;
    this.#states.clear();
    this.#frames.clear(); // numbers of frames go on, so an old one is never taken for a new one
  }
}
