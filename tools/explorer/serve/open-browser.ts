/**
 * Opens an address in the reader's browser.
 * @module
 */
import { spawn } from "node:child_process";
import process from "node:process";

/** The program of each system that opens an address, and what stands before it. */
const OPENERS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  darwin: ["open"],
  win32: ["cmd", "/c", "start", ""],
};
const OTHER_OPENER = ["xdg-open"] as const;

/** Opens it, if the system has a program for this. Where it has none, the reader opens it by hand. */
export function openBrowser(url: string): void {
  const [program, ...args] = OPENERS[process.platform] ?? OTHER_OPENER;
  const child = spawn(program, [...args, url], { stdio: "ignore", detached: true });
  child.on("error", () => {}); // the address stands on the terminal, too
  child.unref();
}
