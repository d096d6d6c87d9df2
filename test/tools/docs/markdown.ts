/**
 * What a Markdown document refers to: other files, their headings, and commands.
 * @module
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { ROOT } from "../../support/paths.ts";

/** Folders of other people's documents, and of what is built. */
const LEFT_OUT = new Set(["node_modules", "dist", "api"]);

/** Every document of the repository, as a path from its root. */
export function documents(folder: string = ROOT): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      return entry.name.startsWith(".") || LEFT_OUT.has(entry.name) ? [] : documents(path);
    }
    return entry.name.endsWith(".md") ? [relative(ROOT, path)] : [];
  });
}

/** The text of a document. */
export function read(document: string): string {
  return readFileSync(join(ROOT, document), "utf8");
}

/** Links of a document that lead nowhere: no such file, or no such heading in it. */
export function brokenLinks(document: string, text: string): string[] {
  return links(text).filter((link) => {
    const [path, anchor] = link.split("#");
    const target = path === "" ? document : join(dirname(document), decodeURIComponent(path));
    if (!existsSync(join(ROOT, target))) return true;
    if (anchor === undefined || !target.endsWith(".md")) return false;
    return !anchors(target === document ? text : read(target)).includes(anchor);
  });
}

/** Relative links and pictures, outside of code. */
function links(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "``");
  const found = [
    ...prose.matchAll(/\]\(([^)\s]+)\)/g),
    ...prose.matchAll(/^\[[^\]]+\]: (\S+)/gm),
    ...prose.matchAll(/(?:src|srcset|href)="([^"]+)"/g),
  ];
  return found.map(([, link]) => link).filter((link) => !/^[a-z]+:/.test(link));
}

/** The anchors that GitHub gives to the headings of a document. */
function anchors(text: string): string[] {
  const seen = new Map<string, number>();
  const prose = text.replace(/^```[\s\S]*?^```/gm, "");
  return [...prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => {
    const words = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, "")
      .replaceAll(" ", "-");
    const n = seen.get(words) ?? 0;
    seen.set(words, n + 1);
    return n === 0 ? words : `${words}-${n}`;
  });
}

/** Where a path in a document may begin, besides the folder of the document. */
const STARTS = ["", "engine", "test"];

/** Source files, named with their folder in code, that are not there. Other projects' are left out. */
export function lostFiles(document: string, text: string): string[] {
  const named = [...text.matchAll(/`((?!src\/)[\w.-]+\/[\w./-]+\.(?:ts|py|mjs))`/g)].map(
    ([, path]) => path,
  );
  return named.filter((path) => {
    const starts = [dirname(document), ...STARTS];
    return !starts.some((start) => existsSync(join(ROOT, start, path)));
  });
}

/** Names after `npm run` in a document. */
export function npmScripts(text: string): string[] {
  return [...text.matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name]) => name);
}

/** One command line of glm52: the words before its first argument, and its flags. */
export interface CommandLine {
  readonly line: string;
  readonly words: readonly string[];
  readonly flags: readonly string[];
}

/** The command lines of glm52 in code, whether in blocks or in the middle of a sentence. */
export function commandLines(text: string): CommandLine[] {
  const code = [
    ...[...text.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].flatMap(([, block]) => block.split("\n")),
    ...[...text.matchAll(/(?<!`)`([^`\n]+)`(?!`)/g)].map(([, inline]) => inline),
  ];
  return code.flatMap((whole) => {
    const line = /(?:^|[|(] ?|npx |glm52\.ts )(?:glm52(?:\.ts)? )([a-z][^#|>]*)/.exec(whole)?.[1];
    if (line === undefined) return [];
    const words = line.trim().split(/\s+/);
    const end = words.findIndex((word) => !/^[a-z-]+$/.test(word) || word.startsWith("-"));
    const flags = words.filter((word) => word.startsWith("--"));
    return [{ line, words: words.slice(0, end === -1 ? words.length : end), flags }];
  });
}
