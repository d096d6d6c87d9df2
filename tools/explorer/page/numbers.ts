/**
 * Numbers as text: short ones for the eye, exact ones for tables.
 * @module
 */
import type { Language } from "./url.ts";

/** Writes numbers in one language. */
export interface Numbers {
  /** A whole number, with marks between the thousands. */
  count(n: number): string;
  /** Three digits or so, for the eye. */
  short(x: number): string;
  /** A share as per cent. */
  percent(share: number): string;
  /** A rank: 1st, 2nd; 第 1. */
  rank(n: number): string;
  /** Bytes, in a unit that suits them. */
  bytes(n: number): string;
}

/** Smaller shares are not written as digits. */
const LEAST_SHARE = 0.00001;

const SUFFIXES: Readonly<Record<string, string>> = { one: "st", two: "nd", few: "rd", other: "th" };

/** A number near 0, as 1.8·10⁻⁴. */
function smallNumber(x: number): string {
  const [digits, power] = x.toExponential(1).split("e");
  const raised = power.slice(1).replaceAll(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]);
  return `${digits.replace("-", "−")}·10⁻${raised}`;
}

/** The numbers of a language. */
export function numbersOf(language: Language): Numbers {
  const locale = language === "zh" ? "zh-Hans" : "en-US";
  const whole = new Intl.NumberFormat(locale);
  const three = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
  const ordinal = new Intl.PluralRules("en", { type: "ordinal" });
  const short = (x: number): string => {
    if (Number.isNaN(x)) return "–";
    if (x !== 0 && Math.abs(x) < 0.001) return smallNumber(x);
    return (Math.abs(x) >= 1000 ? whole.format(Math.round(x)) : three.format(x)).replace("-", "−");
  };
  return {
    count: (n) => whole.format(n),
    short,
    percent: (share) => {
      if (share > 0 && share < LEAST_SHARE) {
        return language === "zh" ? "不到 0.001%" : "under 0.001 %";
      }
      const isNearEnd = share > 0 && (share < 0.1 || (share > 0.99 && share < 0.9995));
      const digits = share > 0 && share < 0.001 ? 3 : isNearEnd ? 1 : 0;
      return `${(share * 100).toFixed(digits)}${language === "zh" ? "%" : " %"}`;
    },
    rank: (n) =>
      language === "zh"
        ? `第 ${whole.format(n)}`
        : `${whole.format(n)}${SUFFIXES[ordinal.select(n)]}`,
    bytes: (n) => {
      const units = ["B", "kB", "MB", "GB", "TB"];
      const power = n < 1 ? 0 : Math.min(4, Math.floor(Math.log10(n) / 3));
      return `${three.format(n / 1000 ** power)} ${units[power]}`;
    },
  };
}

/** The shortest decimal that is read back as the same float32; other numbers as JavaScript has them. */
export function exact(x: number): string {
  if (Number.isInteger(x) || !Number.isFinite(x) || Math.fround(x) !== x) return String(x);
  for (let digits = 6; digits <= 9; digits++) {
    const text = x.toPrecision(digits);
    if (Math.fround(Number(text)) === x) return String(Number(text));
  }
  return String(x);
}
