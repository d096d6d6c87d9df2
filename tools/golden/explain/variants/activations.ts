/**
 * Other activations between gate and up than SwiGLU.
 * @module
 */
import type { Tensor } from "../../../../engine/base/tensor.ts";
import { sigmoid } from "../../../../engine/numbers/math.ts";
import type { Bug } from "../../mutants/bugs.ts";
import { expertsBy } from "../loops.ts";
import type { Role } from "../roles.ts";
import { type Change, inputOf, numbers, type Variant } from "../variant.ts";

const silu = (x: number): number => x * sigmoid(x);
const relu = (x: number): number => Math.max(x, 0);
const clamp = (x: number, most: number): number => Math.max(-most, Math.min(most, x));

/** The error function: a power series near zero, a continued fraction far from it. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let [term, sum] = [a, a];
    for (let n = 1; n < 80; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let f = 0;
  for (let n = 60; n > 0; n--) f = n / 2 / (a + f);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + f)));
}

const gelu = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2));
const geluTanh = (x: number): number =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

/** What an engine does in place of `silu(gate) · up`. */
export const ACTIVATIONS: readonly (readonly [
  what: string,
  act: (gate: number, up: number) => number,
  bug?: Bug | undefined,
])[] = [
  ["exchange gate and up", (g, u) => silu(u) * g, "G39"],
  ["have a GELU (erf) instead of the SiLU", (g, u) => gelu(g) * u],
  ["have a GELU (tanh) instead of the SiLU", (g, u) => geluTanh(g) * u],
  ["have a quick GELU (1.702) instead of the SiLU", (g, u) => g * sigmoid(1.702 * g) * u],
  ["have a ReLU instead of the SiLU", (g, u) => relu(g) * u],
  ["have a squared ReLU instead of the SiLU", (g, u) => relu(g) ** 2 * u],
  ["have a leaky ReLU (0.01) instead of the SiLU", (g, u) => (g > 0 ? g : 0.01 * g) * u],
  ["have a sigmoid instead of the SiLU", (g, u) => sigmoid(g) * u],
  ["have a tanh instead of the SiLU", (g, u) => Math.tanh(g) * u],
  ["have a Mish instead of the SiLU", (g, u) => g * Math.tanh(Math.log1p(Math.exp(g))) * u],
  ["have an ELU instead of the SiLU", (g, u) => (g > 0 ? g : Math.expm1(g)) * u],
  ["have a softplus instead of the SiLU", (g, u) => Math.log1p(Math.exp(g)) * u],
  ["have no activation", (g, u) => g * u],
  ["do their SiLU twice", (g, u) => silu(silu(g)) * u],
  ["have the SiLU on gate and on up", (g, u) => silu(g) * silu(u)],
  ["have the SiLU on the product", (g, u) => silu(g * u)],
  ["do not multiply with up", (g) => silu(g)],
  ["do not multiply with gate", (_, u) => u],
  ["have the SiLU of up alone", (_, u) => silu(u)],
  ["add up instead of multiplying", (g, u) => silu(g) + u],
  ["take up plus 1", (g, u) => silu(g) * (u + 1)],
  ["have a SiLU with the factor 1.702", (g, u) => g * sigmoid(1.702 * g) * (u + 1)],
  ["have the SiLU of the negated gate", (g, u) => silu(-g) * u],
  ...[1, 2, 7, 10].map(
    (most) =>
      [
        `clamp gate and up at ${most}`,
        (g: number, u: number) => silu(Math.min(g, most)) * clamp(u, most),
      ] as const,
  ),
  ["halve what they make", (g, u) => 0.5 * silu(g) * u],
];

type Act = (gate: number, up: number) => number;

const acting =
  (act: Act): Change =>
  (at) => {
    const gate = inputOf(at);
    const up = at.args[1] as Tensor;
    return numbers(
      gate,
      gate.data.map((g, i) => act(g, up.data[i])),
    );
  };

/** Blocks that an engine runs with the same code. */
const BLOCKS: readonly (readonly [name: string, roles: readonly Role[]])[] = [
  ["the dense block", ["act"]],
  ["the shared expert", ["sharedAct"]],
  ["all blocks and experts", ["act", "sharedAct", "experts"]],
  ["dense block and shared expert", ["act", "sharedAct"]],
  ["shared and routed experts", ["sharedAct", "experts"]],
];

export const activationVariants: readonly Variant[] = BLOCKS.flatMap(([name, roles]) =>
  ACTIVATIONS.map(([what, act, bug]): Variant => {
    const change = (role: Role): Change =>
      role === "experts" ? (at) => expertsBy(at, { act }) : acting(act);
    return {
      relation: "op",
      what: `in ${name}, gate and up: they ${what}`,
      changes: Object.fromEntries(roles.map((role) => [role, change(role)])),
      ...(bug && { bug }),
    };
  }),
);
