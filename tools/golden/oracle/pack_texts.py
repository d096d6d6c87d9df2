"""Texts for the conformance pack.  They are written by hand, or random from a fixed seed."""

import random
import unicodedata

LANGUAGES = [
    "The harbour was quiet, and nobody had told the gulls that it's Sunday.",
    "Der Hafen war still; größere Schiffe lagen draußen, süß roch das Öl.",
    "Le port était calme : l'été, même les mouettes n'osaient crier.",
    "El puerto dormía. ¿Quién avisó a las gaviotas? ¡Nadie, señor!",
    "O porto estava calmo; não havia ninguém além das gaivotas.",
    "Il porto era silenzioso, perché è domenica e c'è nebbia.",
    "Port był cichy, a mewy żeglowały nad łodziami późną jesienią.",
    "Přístav byl tichý, žádná loď nevyplula, říkal starý námořník.",
    "Liman sessizdi; ığdırlı balıkçı şöyle dedi: bugün pazar.",
    "Гавань молчала, и никто не сказал чайкам, что сегодня воскресенье.",
    "Гавань мовчала, ґанок порожній, їжак спить, є тільки туман.",
    "Το λιμάνι ήταν ήσυχο και κανείς δεν μίλησε στους γλάρους.",
    "הנמל היה שקט, ואיש לא אמר לשחפים שהיום שבת.",
    "كان الميناء هادئًا، ولم يخبر أحدٌ النوارس أن اليوم جمعة؟",
    "بندر آرام بود و هیچ‌کس به مرغ‌های دریایی چیزی نگفت.",
    "बंदरगाह शांत था, और किसी ने चिड़ियों को नहीं बताया कि आज रविवार है।",
    "বন্দরটি শান্ত ছিল, কেউ গাঙচিলদের কিছু বলেনি।",
    "துறைமுகம் அமைதியாக இருந்தது; யாரும் பேசவில்லை.",
    "ท่าเรือเงียบสงบ ไม่มีใครบอกนกนางนวลว่าวันนี้เป็นวันอาทิตย์",
    "Bến cảng yên tĩnh, chẳng ai bảo lũ hải âu rằng hôm nay là chủ nhật.",
    "Pelabuhan itu sunyi; tak seorang pun memberi tahu burung-burung camar.",
    "港口很安静，没有人告诉海鸥今天是星期日。请参考 王先生的信，第３页。",
    "港口很安靜，沒有人告訴海鷗今天是星期日；「好吧」，他說。",
    "港は静かで、カモメに今日が日曜日だと教える人はいなかった。ー〜・１２３",
    "항구는 조용했고, 갈매기에게 오늘이 일요일이라고 말해 준 사람은 없었다.",
    "ნავსადგური მშვიდი იყო. Նավահանգիստը խաղաղ էր։ ወደቡ ጸጥ ብሏል።",
]
NUMBERS = [
    *("0 7 42 123 456 999 1000 1234 12345 123456 1234567 12345678901234567890".split()),
    *("3.14 -1e-5 1,234.56 0xDEADbeef 1_000_000 2026-06-01T12:34:56Z 10% v1.2.3 1st 2nd".split()),
    *("１２３４ Ⅷ ½ ² ٣٤٥٦ 𝟘𝟙𝟚𝟛 一二三 ①②③ a1b22c333d4444 1️⃣".split()),
]
CONTRACTIONS = [
    f"{before}{mark}{ending}{after}"
    for before in ("it", "", " ", "1")
    for mark in ("'", "’")
    for ending in ("s", "S", "ſ", "t", "re", "RE", "rE", "ve", "m", "ll", "lL", "d", "D", "x", "")
    for after in ("", "t", " ")
]
BLANKS = [" ", "\n", "\r", "\t", "\r\n", "\u0085", "\u00a0", "\u2003", "\u2028", "\u3000", "\ufeff", "\u200b"]
WHITESPACE = [
    *(blank * n for blank in BLANKS for n in (1, 2, 3, 7)),
    *(f"a{left}{right}b" for left in BLANKS for right in BLANKS),
    *(f"{blank} x {blank}" for blank in BLANKS),
    *("  if x:\n        return\n\n\n", "x \n y", " \n \n", "end  ", "\t\ttabs", "a\n\n b"),
    *(" " * n for n in (15, 16, 17, 64, 127, 128, 511, 512, 513, 1024)),
    *("\n" * n for n in (4, 8, 16, 100)),
]
CODE = [
    "def f(x):\n    return [i ** 2 for i in range(x) if i % 2 == 0]\n",
    'const s = `a${b ?? "c"}`; // naïve\nif (!x) { throw new Error("no"); }\n',
    "SELECT * FROM t WHERE a <> 'b' AND c IS NOT NULL; -- ok\n",
    '{"name": "f", "arguments": {"a": [1, 2.0, null], "b": "\\u00e9"}}',
    "<div class=\"x\"><!-- c --><p>A &amp; B</p></div>\n",
    "#include <stdio.h>\nint main(void){printf(\"%d\\n\",1<<3);return 0;}\n",
    "https://example.org/path/to?q=1&r=%20#frag user@example.org C:\\temp\\x.txt /usr/lib64",
    "SGVsbG8sIHdvcmxkISBUaGlzIGlzIGJhc2U2NCB0ZXh0IHdpdGhvdXQgYW55IGJyZWFrcw==",
    "f47ac10b-58cc-4372-a567-0e02b2c3d479 e3b0c44298fc1c149afbf4c8996fb924",
    "\\frac{1}{2} \\sum_{i=0}^{n} x_i^2 \\le \\infty $a$ $$b$$",
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n```ts\nlet x = 1;\n```\n- [ ] todo **bold** _it_",
    "!!! ??? ... --- === >>> <<< ||| &&& ### $$$ ^^^ ~~~ (((]]]{{{ ::: ;;; ''' \"\"\"",
]
ADDED = [
    *("<|endoftext|> [MASK] [gMASK] [sMASK] <sop> <eop> <|system|> <|user|> <|assistant|>".split()),
    *("<|observation|> <|begin_of_image|> <|end_of_image|> <|begin_of_video|> <|end_of_video|>".split()),
    *("<|begin_of_audio|> <|end_of_audio|> <|begin_of_transcription|>".split()),
    *("<|end_of_transcription|> <|code_prefix|> <|code_middle|> <|code_suffix|> <think>".split()),
    *("</think> <tool_call> </tool_call> <tool_response> </tool_response> <arg_key>".split()),
    *("</arg_key> <arg_value> </arg_value> /nothink <|begin_of_box|> <|end_of_box|>".split()),
    *("<|image|> <|video|>".split()),
]
CONTROL = [
    *(f"a {token} b" for token in ADDED),
    "".join(ADDED),
    *(token[:-1] for token in ADDED),
    *("<|user|", "<|<|user|>|>", "<think><think>", "<|USER|>", "< think >", "[gMASK]]", "<<sop>>"),
    *("src/nothink.ts", "hi/nothink", "//nothink", "/nothinking", "<tools></tools>", "<reminder>", "<|sop|>"),
    "[gMASK]<sop><|system|>Reasoning Effort: Max<|user|>hi<|assistant|><think>",
]
UNICODE = [
    *("e\u0301", "\u00e9", "\u212b", "\u1100\u1161\u11a8", "각", "ﬁ", "ǅ", "İi", "ß", "\u0345", "ʼn"),
    *("🦙", "👨‍👩‍👧‍👦", "🇫🇷🇩🇪", "❤️", "👍🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "𐍈𝒳", "\U0010ffff", "\U000e0001", "\ue000", "\ufffd", "\ufffe"),
    *("\x00", "\x01\x02", "\x1b[31m", "\x7f", "\u00ad", "a\u200db", "\u202eabc\u202c", "\u2060", "\u180e", "\x1c"),
    "".join(chr(c) for c in range(0x20, 0x180)),
]
EDGES = ["", "a", " ", "The capital of France is", " Paris", "Hello, world!", "你好，世界！", " 王", "\r\n", "a" * 300, "ab" * 200, "王" * 100, "!" * 100, "Aa1 " * 60]
CONTEXTS = "X", "aXb", " X", "1X1", "X'd", "!X!", "\nX\n"


def files():
    """Yields (name, about, texts) for each file."""
    yield "edges", "The shortest texts, and long runs.", EDGES
    yield "languages", "A sentence in each of some thirty languages.", LANGUAGES
    yield "numbers", "Digits in groups of three at most, and numerals of other scripts.", NUMBERS
    yield "contractions", "English endings after an apostrophe, and what only looks like one.", CONTRACTIONS
    yield "whitespace", "Blanks of all sorts, alone and before words.", WHITESPACE
    yield "code", "Source, markup, addresses, base64.", CODE
    yield "control-tokens", "Control tokens spelled out, whole and in part.", CONTROL
    yield "unicode", "Combining marks, emoji, control characters, code points without a name.", UNICODE
    yield "code-points", "Seeded code points, each in seven contexts with a control token between.", code_points()
    yield "random", "Seeded mixtures of all the above.", mixtures()


def code_points():
    """Random code points of Unicode 14 (the tables of Python 3.11); libraries differ in later ones."""
    chance = random.Random(53)
    ranges = [(0, 0x250), (0x250, 0x3000), (0x3000, 0xD800), (0xE000, 0x10000), (0x10000, 0x20000), (0x20000, 0x110000)]
    for first, last in ranges:
        assigned = [c for c in range(first, last) if unicodedata.category(chr(c)) not in ("Cn", "Co")]
        for c in chance.sample(assigned, 60):
            yield "<sop>".join(CONTEXTS).replace("X", chr(c))


def mixtures():
    chance = random.Random(54)
    words = [word for text in LANGUAGES + CODE for word in text.split(" ")]
    sources = [words, words, BLANKS, BLANKS, NUMBERS, CONTRACTIONS, CONTROL[:36], UNICODE[:-1], EDGES[:9]]
    for _ in range(600):
        n = chance.randrange(1, 12)
        yield "".join(chance.choice(chance.choice(sources)) for _ in range(n))


def id_lists(tokenizer):
    """Ids to decode: of texts that are cut inside characters, of control tokens, and random ones."""
    chance = random.Random(55)
    for text in (*UNICODE[:12], *LANGUAGES[13:24]):
        ids = tokenizer.encode(text).ids
        yield ids
        yield ids[1:]
        yield ids[:-1]
        yield ids[:2] + [154820] + ids[2:]
    yield list(range(256))
    yield list(range(154820, 154856))
    for _ in range(150):
        yield [chance.randrange(154856) for _ in range(chance.randrange(12))]
