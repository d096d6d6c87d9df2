/**
 * Builds the explorer: `node dist/tools/explorer/build/main.js [FOLDER]`, after the sources were compiled.
 *
 * The folder needs no server of its own: it is static, all addresses in it are relative, and it brings the
 * model, the kernels and everything that the page computes with.
 * @module
 */
import process from "node:process";
import { buildExplorer } from "./build-explorer.ts";

const [, , out = "dist/explorer"] = process.argv;
await buildExplorer(process.cwd(), out);
