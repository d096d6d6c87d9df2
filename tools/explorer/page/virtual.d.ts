/** Modules that the build writes; tools/explorer/build/build-explorer.ts. */
declare module "virtual:recorded" {
  import type { Recorded } from "../messages.ts";

  export const recorded: Recorded;
}

declare module "virtual:sources" {
  import type { SourceCut } from "../messages.ts";
  import type { SourceName } from "./wanted.ts";

  export const sources: Readonly<Record<SourceName, SourceCut>>;
}

declare module "virtual:formulas" {
  import type { FormulaName } from "./wanted.ts";

  /** MathML. */
  export const formulas: Readonly<Record<FormulaName, string>>;
}

declare module "*.css";
