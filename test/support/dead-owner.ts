/**
 * The name of an owner whose process has ended.
 * @module
 */
import { spawnSync } from "node:child_process";
import { OWNER } from "../../tools/node/owner.ts";

/** Like the name of this process, but of one that is gone. */
export function deadOwner(): string {
  const { pid } = spawnSync("true");
  return OWNER.replace(/^\d+\.\d+/, `${pid}.1`);
}
