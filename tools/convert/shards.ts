/**
 * The files of a checkpoint that is written: one, or shards with an index.
 *
 * Next: stream-files.ts
 * @module
 */
import { SINGLE_FILE } from "../../engine/weights/checkpoint.ts";
import { formBytes, type TensorForm } from "../../engine/weights/safetensors.ts";
import {
  headerInOrder,
  type NamedForm,
  type SafetensorsHeader,
  usualOrder,
} from "../../engine/weights/write-safetensors.ts";

/** Most bytes of tensors in one file of the released repositories. */
export const SHARD_LIMIT = 5 * 2 ** 30;

/** A file that is written. */
export interface NewFile {
  readonly name: string;
  /** What it holds, in its order. */
  readonly tensors: readonly NamedForm[];
  /** Its first bytes. */
  readonly header: SafetensorsHeader;
}

/** Where a tensor stands in a new file. */
export interface Target {
  readonly file: string;
  readonly at: number;
  readonly form: TensorForm;
}

/** The place of each tensor in new files. */
export function targetsOf(files: readonly NewFile[]): Map<string, Target> {
  const targets = new Map<string, Target>();
  for (const { name, tensors, header } of files) {
    let at = header.bytes.length;
    for (const [tensor, form] of tensors) {
      targets.set(tensor, { file: name, at, form });
      at += formBytes(form);
    }
  }
  return targets;
}

/** What a file notes about itself, as HF transformers expects it. */
const METADATA = { format: "pt" };

/** All tensors in one file, or in shards when they are more than `limit` bytes. */
export function usualFiles(tensors: readonly NamedForm[], limit: number): readonly NewFile[] {
  const shards = cutIntoShards(tensors, limit);
  return shards.map((shard, i) => {
    const name = shards.length === 1 ? SINGLE_FILE : shardName(i, shards.length);
    const ordered = usualOrder(shard);
    return { name, tensors: ordered, header: headerInOrder(ordered, METADATA) };
  });
}

/** Files whose tensors stand as they are given, from a multiple of `alignment` bytes on. */
export function filesInOrder(
  files: readonly (readonly NamedForm[])[],
  alignment: number,
): readonly NewFile[] {
  return files.map((tensors, i) => {
    const header = headerInOrder(tensors, METADATA, alignment);
    return { name: shardName(i, files.length), tensors, header };
  });
}

/**
 * Cuts tensors into shards as the released repositories do: in the order of their names by code unit, each as
 * long as its tensors have at most `limit` bytes in all. A larger tensor has a shard of its own.
 */
export function cutIntoShards(tensors: readonly NamedForm[], limit: number): NamedForm[][] {
  const shards: NamedForm[][] = [];
  let room = -1;
  for (const tensor of tensors.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const bytes = formBytes(tensor[1]);
    if (bytes > room) {
      shards.push([]);
      room = limit;
    }
    shards[shards.length - 1].push(tensor);
    room -= bytes;
  }
  return shards;
}

/** `model-00001-of-00141.safetensors` is the first of 141. */
export function shardName(i: number, n: number): string {
  const digits = (k: number): string => String(k).padStart(5, "0");
  return `model-${digits(i + 1)}-of-${digits(n)}.safetensors`;
}

/** The index of shards, as HF writes it: all names in ascending order. */
export function indexText(
  files: readonly { readonly name: string; readonly header: SafetensorsHeader }[],
): string {
  const total = files.reduce((sum, { header }) => sum + header.dataLength, 0);
  const places = files.flatMap(({ name, header }) =>
    header.names.map((tensor) => [tensor, name] as const),
  );
  const map = Object.fromEntries(places.sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify({ metadata: { total_size: total }, weight_map: map }, null, 2);
}
