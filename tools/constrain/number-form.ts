/**
 * The forms of numbers between two limits, digit by digit.
 *
 * A number is compared as it is written: with limits of at most 15 digits, and numbers that are no longer,
 * what holds of the digits holds of the doubles that are read from them.
 *
 * Next: json-forms.ts
 * @module
 */
import { codePoints } from "./code-points.ts";
import { character, choice, type Form, optional, repeat, sequence, text } from "./forms.ts";
import { ANY_INTEGER, ANY_NUMBER, DIGIT, DIGIT_1_9 } from "./json-forms.ts";

/** A limit that a number may not pass. */
export interface Limit {
  /** The limit as a decimal, with at most 15 digits. */
  readonly at: Decimal;
  /** Whether the limit itself is outside. */
  readonly isOpen: boolean;
  /** Whether numbers of 15 digits before the point come nowhere near it. */
  readonly isFar?: boolean;
}

/** A decimal number without an exponent. */
export interface Decimal {
  readonly isNegative: boolean;
  /** Digits before the point, without zeros in front: of a number below 1, none. */
  readonly whole: string;
  /** Digits after the point, without zeros at the end. */
  readonly fraction: string;
}

/** Digits that a decimal and its double agree in. */
export const EXACT_DIGITS = 15;

/** Digits after the point, where the limits have no more. */
const FRACTION_DIGITS = 6;

/** Reads a JSON number. Undefined when it has too many digits. */
export function decimal(source: string): Decimal | undefined {
  const [, sign, whole = "", fraction = "", power = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? [];
  const exponent = Number(power);
  if (Math.abs(exponent) > 2 * EXACT_DIGITS) return undefined;
  const digits = whole + fraction;
  const point = whole.length + exponent;
  const padded = point <= 0 ? "0".repeat(1 - point) + digits : digits.padEnd(point, "0");
  const at = point <= 0 ? 1 : point;
  const read = {
    whole: padded.slice(0, at).replace(/^0+/, ""),
    fraction: padded.slice(at).replace(/0+$/, ""),
  };
  if (read.whole.length + read.fraction.length > EXACT_DIGITS) return undefined;
  const isZero = read.whole === "" && read.fraction === "";
  return { isNegative: sign === "-" && !isZero, ...read };
}

/** The form of numbers between two limits. */
export function numberForm(
  isInteger: boolean,
  least: Limit | undefined,
  most: Limit | undefined,
): Form {
  if (!least && !most) return isInteger ? ANY_INTEGER : ANY_NUMBER;
  // A number without an exponent has at most 15 digits before the point, so it passes no far limit.
  const [low, high] = [least, most].map((limit) => (limit?.isFar ? undefined : limit));
  const sizes = [low, high].map((limit) => limit?.at ?? NOTHING);
  const nWhole = Math.max(...sizes.map(({ whole }) => whole.length));
  const wanted = Math.max(FRACTION_DIGITS, ...sizes.map(({ fraction }) => fraction.length));
  const nFraction = isInteger ? 0 : Math.max(0, Math.min(wanted, EXACT_DIGITS - nWhole));
  const forms: Form[] = [];
  if (!high?.at.isNegative) {
    const from = low && !low.at.isNegative ? low : { at: NOTHING, isOpen: false };
    forms.push(magnitudes(from, high, nFraction));
  }
  if (!low || low.at.isNegative) {
    // Nothing is written as −0.
    const from = high?.at.isNegative ? high : { at: NOTHING, isOpen: true };
    forms.push(sequence(text("-"), magnitudes(from, low, nFraction)));
  }
  return choice(...forms);
}

const NOTHING: Decimal = { isNegative: false, whole: "", fraction: "" };

/** Numbers without a sign between two limits, whose signs do not count. */
function magnitudes(low: Limit, high: Limit | undefined, nFraction: number): Form {
  const from = low.at.whole;
  const to = high?.at.whole;
  const forms: Form[] = [];
  const afterLow = fractions(
    { digits: low.at.fraction, isOpen: low.isOpen },
    to === from && high ? { digits: high.at.fraction, isOpen: high.isOpen } : undefined,
    nFraction,
  );
  if (to === undefined || !isLess(to, from)) forms.push(sequence(text(from || "0"), afterLow));
  if (high && to !== undefined && isLess(from, to)) {
    const upTo = { digits: high.at.fraction, isOpen: high.isOpen };
    forms.push(sequence(text(to), fractions({ digits: "", isOpen: false }, upTo, nFraction)));
  }
  forms.push(sequence(wholesBetween(from, to), fractions(undefined, undefined, nFraction)));
  return choice(...forms);
}

function isLess(a: string, b: string): boolean {
  return a.length < b.length || (a.length === b.length && a < b);
}

/** Integers above `from` and below `to`, as digits; `""` is 0. Without `to`, of at most 15 digits. */
function wholesBetween(from: string, to: string | undefined): Form {
  const forms: Form[] = [];
  const longest = to?.length ?? EXACT_DIGITS;
  for (let n = Math.max(1, from.length); n <= longest; n++) {
    const low = n === from.length ? from : undefined;
    const high = n === to?.length ? to : undefined;
    forms.push(digitsBetween(low, high, n, true));
  }
  return choice(...forms);
}

/** `n` digits, as a number above `low` and below `high`. */
function digitsBetween(
  low: string | undefined,
  high: string | undefined,
  n: number,
  isFirst: boolean,
): Form {
  if (n === 0) return choice(); // equal to a limit, which is outside
  if (low === undefined && high === undefined) {
    return sequence(isFirst ? DIGIT_1_9 : DIGIT, repeat(DIGIT, n - 1, n - 1));
  }
  const from = low === undefined ? (isFirst ? 1 : 0) : Number(low[0]);
  const to = high === undefined ? 9 : Number(high[0]);
  const rest = (a: boolean, b: boolean) =>
    digitsBetween(a ? low?.slice(1) : undefined, b ? high?.slice(1) : undefined, n - 1, false);
  const forms: Form[] = [];
  for (let digit = from; digit <= to; digit++) {
    const isLow = low !== undefined && digit === from;
    const isHigh = high !== undefined && digit === to;
    if (isLow || isHigh) forms.push(sequence(text(String(digit)), rest(isLow, isHigh)));
  }
  const inner = [low === undefined ? from : from + 1, high === undefined ? to : to - 1] as const;
  if (inner[0] <= inner[1]) {
    forms.push(sequence(digitRange(...inner), repeat(DIGIT, n - 1, n - 1)));
  }
  return choice(...forms);
}

function digitRange(from: number, to: number): Form {
  return character(codePoints([0x30 + from, 0x30 + to]));
}

/** A limit of a fraction: its digits, without zeros at the end. */
interface FractionLimit {
  readonly digits: string;
  readonly isOpen: boolean;
}

/** What may follow the digits before the point: nothing, or a point and at most `n` digits. */
function fractions(
  low: FractionLimit | undefined,
  high: FractionLimit | undefined,
  n: number,
): Form {
  const forms: Form[] = [];
  if (isInside("", low, high)) forms.push(text(""));
  if (n > 0) forms.push(sequence(text("."), fractionDigits(low, high, n)));
  return choice(...forms);
}

function isInside(
  digits: string,
  low: FractionLimit | undefined,
  high: FractionLimit | undefined,
): boolean {
  const value = digits.replace(/0+$/, "");
  const isAbove = !low || value > low.digits || (value === low.digits && !low.isOpen);
  return isAbove && (!high || value < high.digits || (value === high.digits && !high.isOpen));
}

/** One digit … `n` digits of a fraction. */
function fractionDigits(
  low: FractionLimit | undefined,
  high: FractionLimit | undefined,
  n: number,
): Form {
  if (n === 0) return choice();
  if (!low && !high) return repeat(DIGIT, 1, n);
  const from = low ? Number(low.digits[0] ?? 0) : 0;
  const to = high ? Number(high.digits[0] ?? 0) : 9;
  const forms: Form[] = [];
  const rest = ({ digits, isOpen }: FractionLimit) => ({ digits: digits.slice(1), isOpen });
  for (let digit = from; digit <= to; digit++) {
    const innerLow = low && digit === from ? rest(low) : undefined;
    const innerHigh = high && digit === to ? rest(high) : undefined;
    const after = choice(
      ...(isInside("", innerLow, innerHigh) ? [text("")] : []),
      fractionDigits(innerLow, innerHigh, n - 1),
    );
    const free = optional(fractionDigits(undefined, undefined, n - 1));
    forms.push(sequence(text(String(digit)), innerLow || innerHigh ? after : free));
  }
  return choice(...forms);
}
