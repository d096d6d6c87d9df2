/**
 * What the page shows, as the part of its address after `#`, so that a link opens the same view.
 * @module
 */

/** The scenes, in reading order. */
export const SCENES = [
  "remember",
  "tokens",
  "layers",
  "choose",
  "dense",
  "share",
  "latent",
  "experts",
  "pages",
  "guesses",
  "next",
  "whatif",
  "trace",
] as const;

/** The name of a scene. */
export type SceneName = (typeof SCENES)[number];

/** The scenes of the guided path, which takes a quarter of an hour. */
export const PATH: readonly SceneName[] = [
  "remember",
  "layers",
  "choose",
  "share",
  "experts",
  "whatif",
];

/** The languages of the page. */
export const LANGUAGES = ["en", "zh"] as const;

/** The name of a language. */
export type Language = (typeof LANGUAGES)[number];

/** All that a link holds. What is absent is left to the page. */
export interface Place {
  readonly scene?: SceneName;
  /** The token that is looked at: its position. */
  readonly t?: number;
  /** The layer that is looked at. */
  readonly layer?: number;
  /** The past position that is pointed at. */
  readonly row?: number;
  /** The expert whose tokens are shown. */
  readonly expert?: number;
  /** The switches of scene 11 that are pressed. */
  readonly what?: readonly string[];
  readonly lang?: Language;
  /** The name of an example, where the text is one. */
  readonly example?: string;
  /** The reader's own text, if it is short enough for a link. */
  readonly text?: string;
  /** The name of a trace file that the server of the page holds. */
  readonly trace?: string;
  /** Whether the guided path is shown. */
  readonly guided?: boolean;
}

/** A link as it was read. */
export interface ReadPlace {
  readonly place: Place;
  /** Parts of the link that mean nothing here: the page names them. */
  readonly unread: readonly string[];
}

/** The most bytes of UTF-8 of a text in a link. A longer text stays in the page. */
export const LONGEST_TEXT = 2048;

const isOneOf = <T extends string>(names: readonly T[], value: string): value is T =>
  (names as readonly string[]).includes(value);

const wholeNumber = (value: string): number | undefined =>
  /^\d{1,7}$/.test(value) ? Number(value) : undefined;

/** Each part of a link: what it says about the place, or nothing if its value means nothing. */
const PARTS: Readonly<Record<string, (value: string) => Place | undefined>> = {
  s: (value) => (isOneOf(SCENES, value) ? { scene: value } : undefined),
  t: (value) => withNumber(value, (t) => ({ t })),
  l: (value) => withNumber(value, (layer) => ({ layer })),
  r: (value) => withNumber(value, (row) => ({ row })),
  e: (value) => withNumber(value, (expert) => ({ expert })),
  what: (value) =>
    /^[a-z0-9.,-]+$/.test(value) ? { what: value.split(",").filter(Boolean) } : undefined,
  lang: (value) => (isOneOf(LANGUAGES, value) ? { lang: value } : undefined),
  ex: (value) => (/^[a-z0-9-]{1,40}$/.test(value) ? { example: value } : undefined),
  text: (value) => (byteLength(value) <= LONGEST_TEXT ? { text: value } : undefined),
  trace: (value) => (/^[^/\\]{1,200}$/.test(value) ? { trace: value } : undefined),
  path: (value) => (value === "1" ? { guided: true } : undefined),
};

function withNumber(value: string, place: (n: number) => Place): Place | undefined {
  const n = wholeNumber(value);
  return n === undefined ? undefined : place(n);
}

/** A lone surrogate would come back as another character, so such a text is in no link. */
const isForLink = (text = ""): boolean =>
  byteLength(text) <= LONGEST_TEXT && !/\p{Surrogate}/u.test(text);

const byteLength = (text: string): number => new TextEncoder().encode(text).length;

/** Reads the part of an address after `#`. It takes any text and never throws. */
export function readPlace(hash: string): ReadPlace {
  const unread: string[] = [];
  let place: Place = {};
  for (const [key, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    const part = Object.hasOwn(PARTS, key) ? PARTS[key](value) : undefined;
    if (part) place = { ...place, ...part };
    else unread.push(`${key}=${value}`.slice(0, 60));
  }
  return { place, unread };
}

/** The part of an address that {@link readPlace} reads back as the same place. */
export function writePlace(place: Place): string {
  const parts = new URLSearchParams();
  const put = (key: string, value: string | number | undefined): void => {
    if (value !== undefined && value !== "") parts.set(key, String(value));
  };
  put("s", place.scene);
  put("ex", place.example);
  put("t", place.t);
  put("l", place.layer);
  put("r", place.row);
  put("e", place.expert);
  put("what", place.what?.join(","));
  put("trace", place.trace);
  put("lang", place.lang);
  put("path", place.guided ? 1 : undefined);
  if (isForLink(place.text)) put("text", place.text);
  const written = parts.toString().replaceAll("%2C", ",");
  return written === "" ? "" : `#${written}`;
}
