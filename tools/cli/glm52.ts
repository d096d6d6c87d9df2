#!/usr/bin/env node
import process from "node:process";
import { main } from "./main.ts";
import { processTerminal } from "./terminal.ts";

const code = await main(process.argv.slice(2), processTerminal());
if (code !== 0) process.exitCode = code; // 0 must not hide that stdout could not be written
