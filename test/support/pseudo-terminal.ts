/**
 * Runs a command at a pseudo-terminal, which `script` of util-linux makes, and types at it.
 * @module
 */
import { spawn, spawnSync } from "node:child_process";

/** Why tests at a pseudo-terminal cannot run here; undefined when they can. */
export const NO_PSEUDO_TERMINAL: string | undefined = spawnSync("script", ["--version"]).error
  ? "script(1) of util-linux is not there"
  : undefined;

/** What to wait for on the screen, counted from the last wait, and what to type then. */
export type Step = readonly [shown: string, typed: string];

/**
 * Types each step as soon as its text is shown, and returns all that was shown when the command ended.
 *
 * @param everySecond is typed once a second besides
 */
export function atTerminal(
  command: string,
  steps: readonly Step[],
  everySecond: string = "",
): Promise<string> {
  const child = spawn("script", ["-qec", `stty cols 70 rows 40; ${command}`, "/dev/null"], {
    env: { ...process.env, TERM: "xterm", NO_COLOR: "" },
  });
  const left = [...steps];
  let all = "";
  let since = 0;
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text: string) => {
    all += text;
    for (let [step] = left; step; [step] = left) {
      const [shown, typed] = step;
      const at = all.indexOf(shown, since);
      if (at < 0) return;
      left.shift();
      since = at + shown.length;
      child.stdin.write(typed);
    }
  });
  child.stdin.on("error", () => {});
  const timer = setInterval(() => child.stdin.write(everySecond), 1000);
  return new Promise((resolve) =>
    child.on("close", () => {
      clearInterval(timer);
      resolve(all);
    }),
  );
}

/** What was shown, without the sequences that draw it. */
export function plainText(shown: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences of a terminal
  return shown.replace(/\x1b\[[?\d;]*[A-Za-z]/g, "").replace(/\r/g, "");
}
