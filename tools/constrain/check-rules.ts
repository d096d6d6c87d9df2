/**
 * Takes out of rules what no text can be, and finds rules that begin with themselves.
 *
 * A schema may refer to itself in a way that never ends (`a list of one such list`). Whoever followed it
 * would find out too late; so it is left out, and where nothing is left, that is an error.
 *
 * Next: network.ts
 * @module
 */
import { ConstraintError } from "../../engine/index.ts";
import { choice, type Form, type Rules, sequence } from "./forms.ts";

/**
 * The same texts, without the parts that no text can be.
 *
 * @param where what to call the form in an error
 * @throws {ConstraintError} when no text has this form, or a rule begins with itself
 */
export function checkRules({ root, rules }: Rules, where: string): Rules {
  return new CheckedRules(rules, where).from(root, where);
}

/** Rules without the parts that no text can be. */
export class CheckedRules {
  readonly #ends: ReadonlySet<string>;
  readonly #kept = new Map<string, Form>();

  /** @throws {ConstraintError} when a rule begins with itself */
  constructor(rules: ReadonlyMap<string, Form>, where: string) {
    this.#ends = rulesThat(rules, canEnd);
    for (const [name, form] of rules) {
      const left = this.#ends.has(name) ? pruned(form, this.#ends) : undefined;
      if (left !== undefined) this.#kept.set(name, left);
    }
    checkBeginnings(this.#kept, where);
  }

  /**
   * These rules, and a form that refers to them.
   *
   * @throws {ConstraintError} when no text has this form
   */
  from(root: Form, where: string): Rules {
    const left = pruned(root, this.#ends);
    if (left === undefined) {
      throw new ConstraintError(where, "expected a form that some text has, got one that none has");
    }
    return { root: left, rules: this.#kept };
  }
}

/** The names of the rules of which `is` holds, as the least set that it holds of. */
function rulesThat(
  rules: ReadonlyMap<string, Form>,
  is: (form: Form, known: ReadonlySet<string>) => boolean,
): ReadonlySet<string> {
  const known = new Set<string>();
  for (let before = -1; before < known.size; ) {
    before = known.size;
    for (const [name, form] of rules) {
      if (!known.has(name) && is(form, known)) known.add(name);
    }
  }
  return known;
}

function canEnd(form: Form, known: ReadonlySet<string>): boolean {
  switch (form.kind) {
    case "text":
      return true;
    case "character":
      return form.of.length > 0;
    case "sequence":
      return form.parts.every((part) => canEnd(part, known));
    case "choice":
      return form.parts.some((part) => canEnd(part, known));
    case "repeat":
      return form.min === 0 || (form.min <= (form.max ?? form.min) && canEnd(form.part, known));
    case "rule":
      return known.has(form.name);
  }
}

/** The form without what cannot end; undefined when nothing is left. */
function pruned(form: Form, ends: ReadonlySet<string>): Form | undefined {
  if (!canEnd(form, ends)) return undefined;
  switch (form.kind) {
    case "sequence":
      return sequence(...form.parts.flatMap((part) => pruned(part, ends) ?? []));
    case "choice":
      return choice(...form.parts.flatMap((part) => pruned(part, ends) ?? []));
    case "repeat": {
      const part = pruned(form.part, ends);
      return part === undefined ? sequence() : { ...form, part };
    }
    default:
      return form;
  }
}

/** @throws {ConstraintError} when a rule begins with itself: whoever read it would never come to a byte */
function checkBeginnings(rules: ReadonlyMap<string, Form>, where: string): void {
  const empties = rulesThat(rules, canBeEmpty);
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (name: string): void => {
    if (path.includes(name)) {
      const circle = [...path.slice(path.indexOf(name)), name].join(" → ");
      const text = `expected rules that begin with a character, got a rule that begins with itself: ${circle}`;
      throw new ConstraintError(where, text);
    }
    if (done.has(name)) return;
    path.push(name);
    const form = rules.get(name);
    if (form) for (const first of firstRules(form, empties)) visit(first);
    path.pop();
    done.add(name);
  };
  for (const name of rules.keys()) visit(name);
}

function canBeEmpty(form: Form, known: ReadonlySet<string>): boolean {
  switch (form.kind) {
    case "text":
      return form.text === "";
    case "character":
      return false;
    case "sequence":
      return form.parts.every((part) => canBeEmpty(part, known));
    case "choice":
      return form.parts.some((part) => canBeEmpty(part, known));
    case "repeat":
      return form.min === 0 || canBeEmpty(form.part, known);
    case "rule":
      return known.has(form.name);
  }
}

/** The rules that a text of this form may begin with. */
function firstRules(form: Form, empties: ReadonlySet<string>): string[] {
  switch (form.kind) {
    case "text":
    case "character":
      return [];
    case "sequence": {
      const last = form.parts.findIndex((part) => !canBeEmpty(part, empties));
      const first = last < 0 ? form.parts : form.parts.slice(0, last + 1);
      return first.flatMap((part) => firstRules(part, empties));
    }
    case "choice":
      return form.parts.flatMap((part) => firstRules(part, empties));
    case "repeat":
      return form.max === 0 ? [] : firstRules(form.part, empties);
    case "rule":
      return [form.name];
  }
}
