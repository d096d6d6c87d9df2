/**
 * Runs chat templates with `@huggingface/jinja`, where that package is installed.
 * @module
 */
import type { CompiledTemplate, TemplateEngine } from "../library/jinja-prompt.ts";

/** The engine, or undefined where the package is not installed. */
export async function loadJinja(): Promise<TemplateEngine | undefined> {
  const jinja = await import("@huggingface/jinja").catch(() => undefined);
  if (jinja === undefined) return undefined;
  const compile = (text: string) => compileWith(jinja, text);
  return Object.assign(compile, { about: "@huggingface/jinja" });
}

type Jinja = typeof import("@huggingface/jinja");
type Scope = InstanceType<Jinja["Environment"]>;

/** The two methods of the interpreter that are changed. Its types keep them private. */
interface Open {
  evaluateFor(node: { readonly body: readonly unknown[] }, scope: Scope): unknown;
  evaluateBlock(body: readonly unknown[], scope: Scope): unknown;
}

/**
 * Compiles a template. In Python, a variable that is set in one round of a loop is gone in the next
 * one. In this package (0.5.11) it stays, so that a message without reasoning would be given that of
 * an earlier message. So each round gets a scope of its own here.
 */
function compileWith(jinja: Jinja, text: string): CompiledTemplate {
  const { parsed } = new jinja.Template(text);
  return (variables) => {
    const scope = new jinja.Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...variables })) {
      if (value !== undefined) scope.set(name, value);
    }
    const interpreter = new jinja.Interpreter(scope);
    giveRoundsScopes(jinja, interpreter as unknown as Open);
    return String(interpreter.run(parsed).value);
  };
}

function giveRoundsScopes(jinja: Jinja, interpreter: Open): void {
  const rounds = new WeakSet<readonly unknown[]>();
  const evaluateFor = interpreter.evaluateFor.bind(interpreter);
  const evaluateBlock = interpreter.evaluateBlock.bind(interpreter);
  interpreter.evaluateFor = (node, scope) => {
    rounds.add(node.body);
    return evaluateFor(node, scope);
  };
  interpreter.evaluateBlock = (body, scope) =>
    evaluateBlock(body, rounds.has(body) ? new jinja.Environment(scope) : scope);
}

/** Numbers in one range, so that a template from a stranger does not fill the memory. */
const MAX_RANGE = 1_000_000;

/** What every template may use besides the conversation. */
const GLOBALS: Readonly<Record<string, unknown>> = {
  ...{ true: true, false: false, none: null, True: true, False: false, None: null },
  raise_exception: (message: unknown) => {
    throw new Error(`the chat template refuses this conversation: ${message}`);
  },
  range: (start: number, stop?: number, step = 1) => {
    const [from, to] = stop === undefined ? [0, start] : [start, stop];
    const length = Math.ceil((to - from) / step);
    if (!(length <= MAX_RANGE)) throw new Error(`expected a range of at most ${MAX_RANGE} numbers`);
    const numbers: number[] = [];
    for (let n = from; step > 0 ? n < to : n > to; n += step) numbers.push(n);
    return numbers;
  },
};
