import { statfs } from "node:fs/promises";
import { UserError } from "./user-error.ts";

/**
 * Finds out before hours of work whether a disk is full.
 *
 * @throws {UserError} when so many bytes have no room in the folder; not every system tells
 */
export async function mustHaveRoom(folder: string, bytes: number): Promise<void> {
  const disk = await statfs(folder).catch(() => undefined);
  const room = disk ? disk.bavail * disk.bsize : Number.POSITIVE_INFINITY;
  if (bytes <= room) return;
  const [want, got] = [bytes, room].map((n) => `${(n / 1e9).toFixed(1)} GB`);
  throw new UserError(folder, `expected room for ${want} on this disk, there are ${got}`);
}
