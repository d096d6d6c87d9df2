/** Modules that the build writes (tools/explorer/build/build-explorer.ts), and style sheets. */

declare module "virtual:recorded" {
  export const recorded: import("../messages.ts").Recorded;
}

declare module "virtual:sources" {
  export const sources: Readonly<
    Record<import("./wanted.ts").SourceName, import("../messages.ts").SourceCut>
  >;
}

declare module "virtual:formulas" {
  /** MathML. */
  export const formulas: Readonly<Record<import("./wanted.ts").FormulaName, string>>;
}

declare module "*.css";
