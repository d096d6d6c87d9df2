/**
 * Turns forms into a network of nodes, which is walked byte by byte.
 *
 * A rule is called: its nodes are walked, and then what follows the call. A repeat that is counted calls
 * its part. So nothing is written out, however often it may be repeated.
 *
 * Next: machine.ts
 * @module
 */
import { ConstraintError } from "../../engine/index.ts";
import { utf8Ranges } from "./code-points.ts";
import type { Form, Rules } from "./forms.ts";

/** A place in the network. */
export type Node = BytesNode | SplitNode | CallNode | RepeatNode | EndNode;

/** The next byte is one of a range. */
export interface BytesNode {
  readonly kind: "bytes";
  readonly id: number;
  readonly edges: readonly Edge[];
}

/** Bytes that lead to a node. */
export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly next: Node;
}

/** Several nodes at once; no byte is read. */
export interface SplitNode {
  readonly kind: "split";
  readonly id: number;
  readonly nexts: Node[];
}

/** The nodes of a rule, then `next`. */
export interface CallNode {
  readonly kind: "call";
  readonly id: number;
  readonly rule: { start: Node };
  readonly next: Node;
}

/** The nodes of `body`, `min` … `max` times, then `next`. */
export interface RepeatNode {
  readonly kind: "repeat";
  readonly id: number;
  readonly body: Node;
  readonly min: number;
  readonly max: number;
  readonly next: Node;
}

/** The end of what was called, or of all. */
export interface EndNode {
  readonly kind: "end";
  readonly id: number;
}

/** A network, and how many nodes it has. */
export interface Network {
  readonly start: Node;
  readonly nNodes: number;
}

/** Nodes that a network may have. A schema of a tool has some hundreds or thousands. */
const MAX_NODES = 200_000;

const encoder = new TextEncoder();

/**
 * Makes the network of a form.
 *
 * @param where what to call it in an error
 * @throws {ConstraintError} when no text can have this form, or it is too large
 */
export function networkOf({ root, rules }: Rules, where: string): Network {
  const builder = new NetworkBuilder(rules, where);
  return { start: builder.compile(root), nNodes: builder.nNodes };
}

class NetworkBuilder {
  readonly #rules: ReadonlyMap<string, Form>;
  readonly #where: string;
  readonly #started = new Map<string, { start: Node }>();
  /** Rules that are called, and not written out yet. */
  readonly #open: { readonly form: Form; readonly called: { start: Node } }[] = [];
  nNodes = 0;
  readonly #end: EndNode;

  constructor(rules: ReadonlyMap<string, Form>, where: string) {
    this.#rules = rules;
    this.#where = where;
    this.#end = { kind: "end", id: this.#newId() };
  }

  compile(root: Form): Node {
    const start = this.#before(root, this.#end);
    // Rules are written out one after the other, not inside each other, or long chains would go too deep.
    for (let rule = this.#open.pop(); rule !== undefined; rule = this.#open.pop()) {
      rule.called.start = this.#before(rule.form, this.#end);
    }
    return start;
  }

  #newId(): number {
    if (this.nNodes >= MAX_NODES) {
      const text = `it becomes more than ${MAX_NODES} nodes; give fewer texts, or shorter ones`;
      throw new ConstraintError(this.#where, text);
    }
    return this.nNodes++;
  }

  /** The node where `form` begins, which `next` follows. */
  #before(form: Form, next: Node): Node {
    switch (form.kind) {
      case "text":
        return this.#bytes(encoder.encode(form.text), next);
      case "character":
        return this.#character(form.of, next);
      case "sequence":
        return form.parts.reduceRight((after, part) => this.#before(part, after), next);
      case "choice":
        return this.#split(form.parts.map((part) => this.#before(part, next)));
      case "repeat":
        return this.#repeat(form.part, form.min, form.max, next);
      case "rule":
        return { kind: "call", id: this.#newId(), rule: this.#ruleOf(form.name), next };
    }
  }

  #split(nexts: Node[]): Node {
    return nexts.length === 1 ? (nexts[0] as Node) : { kind: "split", id: this.#newId(), nexts };
  }

  #bytes(bytes: Uint8Array, next: Node): Node {
    return bytes.reduceRight<Node>((after, byte) => {
      const edges = [{ from: byte, to: byte, next: after }];
      return { kind: "bytes", id: this.#newId(), edges };
    }, next);
  }

  #character(of: Parameters<typeof utf8Ranges>[0], next: Node): Node {
    const edges = utf8Ranges(of).map((ranges): Edge => {
      const rest = ranges.slice(1).reduceRight<Node>((after, [from, to]) => {
        return { kind: "bytes", id: this.#newId(), edges: [{ from, to, next: after }] };
      }, next);
      const [from, to] = ranges[0] as readonly [number, number];
      return { from, to, next: rest };
    });
    return { kind: "bytes", id: this.#newId(), edges };
  }

  #repeat(part: Form, min: number, max: number | undefined, next: Node): Node {
    if (min <= 1 && max === undefined) {
      const loop: SplitNode = { kind: "split", id: this.#newId(), nexts: [next] };
      const first = this.#before(part, loop);
      loop.nexts.push(first);
      return min === 0 ? loop : first;
    }
    if (max === 0) return next;
    if (max === 1) {
      const once = this.#before(part, next);
      return min === 1 ? once : this.#split([next, once]);
    }
    const body = this.#before(part, this.#end);
    const most = max ?? Number.POSITIVE_INFINITY;
    return { kind: "repeat", id: this.#newId(), body, min, max: most, next };
  }

  #ruleOf(name: string): { start: Node } {
    const known = this.#started.get(name);
    if (known) return known;
    const form = this.#rules.get(name);
    if (form === undefined) {
      throw new ConstraintError(this.#where, `expected a rule ${name}, found none`);
    }
    const called: { start: Node } = { start: this.#end };
    this.#started.set(name, called);
    this.#open.push({ form, called });
    return called;
  }
}
