/**
 * Cuts symbols out of the source, so that the page shows the lines that run. The compiler finds them; a
 * symbol that is gone, or that has become too long to read beside a figure, stops the build.
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import type { SourceCut, SourceLine } from "../messages.ts";
import type { Highlighter } from "./highlight.ts";

/** The most lines that are read beside a figure. */
const MOST_LINES = 40;

/** Operations whose result is a stage: it stands where the operation returns. */
const RETURNS: Readonly<Record<string, string>> = {
  "engine/ops/reference/index-scores.ts": "indexer_score",
  "engine/ops/reference/top-k.ts": "top_k",
  "engine/ops/reference/route.ts": "ffn_moe_weights",
};

/** Where a symbol stands in a file: lines counted from 0, the last one not included. */
export interface Place {
  readonly from: number;
  readonly to: number;
}

/** Finds a symbol like `indexer` or `PageTable.reserve`. @throws when it is not there */
export function placeOf(file: string, text: string, symbol: string): Place {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  let nodes: readonly ts.Node[] = source.statements;
  let found: ts.Node | undefined;
  for (const name of symbol.split(".")) {
    found = nodes.find((node) => namesOf(node).includes(name));
    if (!found) throw new Error(`${file}#${symbol}: expected this symbol, it is gone`);
    nodes = ts.isClassDeclaration(found) ? found.members : [];
  }
  const node = found as ts.Node;
  const lineAt = (at: number): number => source.getLineAndCharacterOfPosition(at).line;
  return { from: lineAt(node.getStart(source)), to: lineAt(node.getEnd()) + 1 };
}

/** The names that a statement or a member declares. */
export function namesOf(node: ts.Node): string[] {
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.map(({ name }) => name.getText());
  }
  const isNamed =
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isMethodDeclaration(node);
  return isNamed && node.name ? [node.name.getText()] : [];
}

/** Cuts one symbol, `file#symbol`. @throws when it is gone or too long */
export function cutSymbol(root: string, wanted: string, highlight: Highlighter): SourceCut {
  const [file, symbol] = wanted.split("#");
  const text = readFileSync(join(root, file), "utf8");
  const { from, to } = placeOf(file, text, symbol);
  if (to - from > MOST_LINES) {
    throw new Error(`${wanted}: expected at most ${MOST_LINES} lines, got ${to - from}`);
  }
  // The whole file is coloured, because a part of it may begin inside of something.
  const lines = text.split("\n");
  const coloured = highlight(text).slice(from, to);
  const lastReturn = lines.slice(from, to).findLastIndex((line) => line.includes("return"));
  return {
    symbol: wanted,
    file,
    line: from + 1,
    lines: coloured.map((parts, i): SourceLine => {
      const returned = i === lastReturn ? RETURNS[file] : undefined;
      return { parts, stage: stageIn(lines[from + i]) ?? returned };
    }),
  };
}

/** The stage whose tap stands on a line. */
export function stageIn(line: string): string | undefined {
  return /\btap(?:s\.model)?\("(\w+)",/.exec(line)?.[1];
}
