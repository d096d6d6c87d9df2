/**
 * Seeded texts that are hard for a pre-tokenizer: the pieces below, joined in random order.
 * @module
 */

/** A small seeded generator of uniform integers in `0..n-1` (mulberry32). */
export function seeded(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

const BLANKS = [
  ...[" ", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\r", "\t", " \n", "\n ", " \t\n "],
  // Unicode blanks that JavaScript's \s takes, one it misses (U+0085), two it takes wrongly
  // (U+FEFF, and U+180E in old tables), and characters that only look blank.
  ...["\v", "\f", "\u00a0", "\u1680", "\u2003", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"],
  ...["\u0085", "\ufeff", "\u180e", "\u200b", "\u2060", "\x1c"],
];
const CONTRACTIONS = [
  ...["'s", "'S", "'ſ", "'t", "'T", "'re", "'RE", "'rE", "'ve", "'m", "'ll", "'lL", "'d", "'D"],
  ...["’s", "'", "''", "'st", "'ſt", "'K", "'1"],
];
const WORDS = [
  ...[
    "the",
    "The",
    "hello",
    "World",
    "a",
    "I",
    "don",
    "naïve",
    "straße",
    "ǅungla",
    "camelCaseWord",
  ],
  ...["x1y2", "foo_bar", "src/nothink.ts", "https://example.org/?q=1&r=2", "0xDEADbeef", "OTTO"],
  ...[
    "你好",
    "世界",
    "参考",
    "王",
    " 王",
    "今日は",
    "カタカナ",
    "ー",
    "안녕하세요",
    "一",
    "龥",
    "龦",
    "㐀",
  ],
  ...["Привет", "Ελληνικά", "שלום", "مرحبا", "हिन्दी", "ไทย", "ქართული", "ⴀ", "ʰ", "ª"],
  ...[
    "e\u0301",
    "a\u0308\u0323",
    "\u0301",
    "ﬁ",
    "ﬆ",
    "Å",
    "\u212b",
    "\u212a",
    "각",
    "\u1100\u1161\u11a8",
  ],
];
const DIGITS = [
  "0",
  "7",
  "42",
  "123",
  "456",
  "1234",
  "1234567",
  "3.14",
  "１２３４",
  "Ⅷ",
  "½",
  "²",
  "٣٤",
  "𝟘",
];
const SIGNS = [
  ...[
    ".",
    ",",
    "!",
    "?!",
    "...",
    "…",
    "-",
    "--",
    "—",
    "(",
    ")",
    "[]",
    "{}",
    "</",
    "/>",
    "=>",
    "!=",
    "//",
  ],
  ...[
    "$",
    "€",
    "+",
    "<",
    ">",
    "|",
    "^",
    "`",
    "~",
    "#",
    "\\",
    '"',
    "“",
    "。",
    "，",
    "！",
    "、",
    "·",
  ],
];
const EMOJI = [
  "🦙",
  "😀",
  "👨‍👩‍👧‍👦",
  "🇫🇷",
  "❤️",
  "👍🏽",
  "1️⃣",
  "\ufffd",
  "\u0000",
  "\u007f",
  "\u00ad",
];
const LONE_SURROGATES = ["\ud83d", "\ude00", "\ud800", "\udfff"];

/**
 * A text of up to `length` such pieces.
 *
 * @param extra further pieces, e.g. control tokens spelled out; about one piece in ten
 */
export function randomText(
  random: (n: number) => number,
  length: number,
  extra: readonly string[],
) {
  const pick = (from: readonly string[]) => from[random(from.length)];
  let text = "";
  for (let n = 1 + random(length); n > 0; n--) {
    const kind = random(20);
    if (kind < 5) text += pick(WORDS);
    else if (kind < 9) text += pick(BLANKS);
    else if (kind < 11) text += pick(CONTRACTIONS);
    else if (kind < 12) text += pick(DIGITS);
    else if (kind < 14) text += pick(SIGNS).repeat(1 + random(3));
    else if (kind < 15) text += pick(EMOJI);
    else if (kind < 16) text += String.fromCodePoint(random(0x3000));
    else if (kind < 17) text += String.fromCodePoint(random(0x110000));
    else if (kind < 18) text += random(4) === 0 ? pick(LONE_SURROGATES) : " ".repeat(random(70));
    else if (extra.length > 0) text += cut(pick(extra), random);
  }
  return text;
}

/** Returns all of `token`, or sometimes only a part, which must not be read as the token. */
function cut(token: string, random: (n: number) => number): string {
  if (random(4) > 0) return token;
  const start = random(token.length);
  return token.slice(start, start + random(token.length));
}

/** Returns `text` as UTF-8 can hold it, without the code of the tokenizer. */
export function throughUtf8(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8");
}
