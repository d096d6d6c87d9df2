/**
 * Turns formulas from TeX into MathML when the page is built, so that the page needs no program for them.
 * @module
 */
import katex from "katex";

/** The MathML of each formula. @throws for TeX that is wrong, and where the result would need a style */
export function mathOf(formulas: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(formulas).map(([name, tex]) => {
      const html = katex.renderToString(tex, {
        output: "mathml",
        displayMode: true,
        throwOnError: true,
      });
      const math = /<math.*<\/math>/s.exec(html)?.[0];
      if (!math) throw new Error(`formula ${name}: expected MathML, got ${html}`);
      if (/\sstyle=/.test(math)) throw new Error(`formula ${name}: expected no style, got ${math}`);
      return [name, math];
    }),
  );
}
