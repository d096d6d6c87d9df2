/**
 * Judges keys that no table knows. Every release of HF transformers writes a few new ones, and other
 * programs add their own.
 *
 * - A value that means "off" passes: `false`, `0`, `""`, an empty list or object. (`null` counts as
 *   absent already.) What such a key could switch on stays off.
 * - A description passes: a dotted number under a name that ends in `_version`, or a text under one
 *   of {@link DESCRIPTIONS}.
 * - Anything else may switch on arithmetic that is not here, so it is an error. The caller may say
 *   that it is not so, by naming the key.
 *
 * What passes is listed.
 *
 * Next: keys.ts
 * @module
 */
import type { Aside } from "../base/aside.ts";
import { ArgumentError } from "../base/errors.ts";

/** Names under which a text, or a list of texts, says something about the model to people. */
const DESCRIPTIONS: readonly string[] = [
  "author",
  "base_model",
  "comment",
  "created_at",
  "date",
  "description",
  "language",
  "library_name",
  "license",
  "model_name",
  "name",
  "name_or_path",
  "notes",
  "pipeline_tag",
  "repo_url",
  "tags",
  "url",
];

/** The keys that no table knows, of all files of one model. */
export class UnknownKeys {
  /** What was left aside. */
  readonly asides: Aside[] = [];
  /** What would stop a run; only where the files are read for lengths. */
  readonly stops: Aside[] = [];
  readonly #ignore: ReadonlySet<string>;
  readonly #isForLengths: boolean;
  readonly #used = new Set<string>();

  /**
   * @param ignore keys that pass whatever they say; those of an inner object as `outer.inner`
   * @param use with `lengths`, every key passes, and those that would stop a run are listed
   */
  constructor(ignore: readonly string[] = [], use: "run" | "lengths" = "run") {
    this.#ignore = new Set(ignore);
    this.#isForLengths = use === "lengths";
  }

  /** Whether a key may stay unread; if so, it is listed. */
  pass(file: string, path: string, value: unknown): boolean {
    const why = this.#why(path, value);
    const what = `${file}: ${path}`;
    if (why !== undefined) this.note(what, why);
    else if (this.#isForLengths)
      this.stops.push({ what, why: "not known, and may switch on more" });
    return why !== undefined || this.#isForLengths;
  }

  /** Lists something that was left aside. */
  note(what: string, why: string): void {
    this.asides.push({ what, why });
  }

  /** @throws {ArgumentError} when a key was to be ignored that is not there, or that is known */
  finish(): void {
    for (const key of this.#ignore) {
      if (!this.#used.has(key)) {
        const what = `expected an unknown key that is in the file, got ${key}`;
        throw new ArgumentError("--ignore-config-key", what);
      }
    }
  }

  #why(path: string, value: unknown): string | undefined {
    if (this.#ignore.has(path)) {
      this.#used.add(path);
      return "the caller says that it changes nothing";
    }
    if (isOff(value)) return "not known, and its value means off";
    if (isDescription(path, value)) return "not known, and only describes";
    return undefined;
  }
}

/** Whether a value switches nothing on. */
function isOff(value: unknown): boolean {
  if (value === false || value === 0 || value === "") return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** Whether a key only tells people something. */
function isDescription(path: string, value: unknown): boolean {
  const name = path.slice(path.lastIndexOf(".") + 1);
  const isText = typeof value === "string";
  if (name.endsWith("_version")) return isText && /^v?\d+(\.\w+)+([+-][\w.]+)?$/.test(value);
  if (!DESCRIPTIONS.includes(name)) return false;
  return isText || (Array.isArray(value) && value.every((item) => typeof item === "string"));
}
