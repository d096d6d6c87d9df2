/**
 * `glm52 explore`: the explorer in the reader's browser, from this computer.
 * @module
 */
import { basename } from "node:path";
import type { Command } from "commander";
import { exploreApp } from "../../explorer/serve/explore-app.ts";
import { explorerFiles } from "../../explorer/serve/explorer-files.ts";
import { openBrowser } from "../../explorer/serve/open-browser.ts";
import { listen } from "../../serve/http.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { untilAsked } from "../interrupt.ts";
import { integer } from "../numbers.ts";
import type { Terminal } from "../terminal.ts";

const HELP = `
The page shows what the model does with a text of yours: which rows the indexer finds, who borrows them, which
experts run, what the next token will be. Everything is computed in the browser, with the bits of this command;
nothing is sent anywhere, and only programs on this computer are answered.

--trace shows a file that glm52 trace wrote of any model, also of one that no browser holds.

Ctrl-C ends it.

Examples:
  glm52 explore
  glm52 explore --model ~/models/small-glm --port 9000 --no-open
  glm52 trace --model ~/models/GLM-5.2 --tokens 57,15,52 --out trace.safetensors
  glm52 explore --trace trace.safetensors
`;

interface ExploreOptions {
  readonly model?: string;
  readonly trace?: string;
  readonly port: number;
  readonly open: boolean;
}

/** Adds `glm52 explore`. */
export function addExplore(program: Command, terminal: Terminal): void {
  program
    .command("explore")
    .summary("see what the model does with a text, in the browser")
    .description("Shows the scores, choices, experts and guesses of a model, token by token.")
    .option("--model <dir>", "folder of a small model with a tokenizer (default: the demo model)")
    .option("--trace <file>", "show a file that glm52 trace wrote")
    .option("--port <n>", "port to listen on; 0 takes one that is free", integer(0, 65_535), 0)
    .option("--no-open", "print the address, and open no browser")
    .addHelpText("after", HELP + EXIT_CODES)
    .action((options: ExploreOptions) => explore(options, terminal));
}

/** How long answers may take that are on their way when the end is asked for. */
const GRACE_MS = 1000;

async function explore(options: ExploreOptions, terminal: Terminal): Promise<void> {
  const { trace, port, open } = options;
  const { stdout, stderr } = terminal;
  const app = exploreApp(await explorerFiles(options));
  const { url, close } = await listen(app, { port });
  try {
    const address =
      trace === undefined ? `${url}/` : `${url}/#trace=${encodeURIComponent(basename(trace))}`;
    stdout.write(`${address}\n`);
    stderr.write("Ctrl-C ends it\n");
    if (open && stderr.isTerminal) openBrowser(address);
    await untilAsked(terminal);
  } finally {
    await close(GRACE_MS);
  }
}
