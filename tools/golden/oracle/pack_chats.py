"""Conversations for the conformance pack, as JSON text.  They are written by hand, or random from a fixed seed."""

import itertools
import json
import random


def files():
    """Yields (name, about, requests) for each file."""
    yield "modes", "Every way to set the switches, for two conversations.", modes()
    yield "reasoning", "Which reasoning of earlier turns is printed, and from where.", reasoning()
    yield "tools", "Definitions, calls and results of tools.", tools()
    yield "content", "Lists of parts, media, blanks, tags spelled out.", contents()
    yield "json", "Numbers, key order and escapes in definitions and arguments.", jsons()
    yield "random", "Seeded random conversations.", randoms()


def ascii_json(value) -> str:
    return json.dumps(value)


def user(content="Hi"):
    return {"role": "user", "content": content}


def assistant(content=None, **more):
    return {"role": "assistant", "content": content, **more}


def call(name, arguments):
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def tool(name, **more):
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"name": name, "description": f"Tells the {name} of a city.", "parameters": parameters, **more}


WEATHER = {"type": "function", "function": tool("weather")}
LOOP = [
    {"role": "system", "content": "You help sailors."},
    user("Is it windy in Århus?"),
    assistant("Let me look.", reasoning_content="They ask for wind.\n", tool_calls=[call("weather", {"city": "Århus"})]),
    {"role": "tool", "content": '{"wind": "7 m/s"}'},
    assistant("Yes, 7 m/s.", reasoning_content=" 7 is windy. "),
    user("And in Kiel?"),
    assistant(None, reasoning_content="Again.", tool_calls=[call("weather", {"city": "Kiel"})]),
    {"role": "tool", "content": "calm", "tool_call_id": "x"},
]


def modes():
    switches = {
        "enable_thinking": [None, True, False],
        "reasoning_effort": [None, "high", "max"],
        "clear_thinking": [None, True, False],
        "add_generation_prompt": [None, True],
        "tools": [None, [WEATHER]],
    }
    for values in itertools.product(*switches.values()):
        chosen = {k: v for k, v in zip(switches, values) if v is not None}
        messages = LOOP if chosen.get("tools") else [user(), assistant("Ho", reasoning_content="Hm"), user("?")]
        yield ascii_json({"messages": messages, **chosen})


def reasoning():
    conversations = [
        [user(), assistant("a"), assistant("b", reasoning_content="c")],
        [user(), assistant("a", reasoning_content=""), user(), assistant("b", reasoning_content="")],
        [assistant("no user at all", reasoning_content="kept")],
        [user(), assistant("<think>x</think>y")],
        [user(), assistant("x</think>y")],
        [user(), assistant("<think>x</think> \n y <think>z</think> w ")],
        [user(), assistant("<think>x"), user()],
        [user(), assistant("a<think>b<think>c</think>d")],
        [user(), assistant("<think>x</think>y", reasoning_content="wins")],
        [user(), assistant("a", reasoning_content=None), user()],
        [user(), assistant("a", reasoning_content="\n <b>\u0085 \n"), assistant("c")],
        [user(), assistant("first", reasoning_content="one"), assistant("second has none")],
        LOOP,
    ]
    for messages in conversations:
        for clear in ({}, {"clear_thinking": True}, {"clear_thinking": False}):
            yield ascii_json({"messages": messages, **clear})


def tools():
    deferred = tool("tides", defer_loading=True)
    envelope = {"type": "function", "function": tool("stars", strict=True, defer_loading=False)}
    reference = lambda *names: [{"type": "tool_reference", "name": name} for name in names]
    result = lambda content: {"role": "tool", "content": content}
    found = [user(), assistant("", tool_calls=[call("search", {})]), result(reference("tides", "stars"))]
    for some in ([], [tool("weather")], [envelope], [deferred], [WEATHER, deferred, envelope]):
        yield ascii_json({"messages": [user()], "tools": some})
        yield ascii_json({"messages": found, "tools": some, "add_generation_prompt": True})
    yield ascii_json({"messages": [result(reference("unknown"))], "tools": [WEATHER]})
    yield ascii_json({"messages": [result(reference("tides", "tides"))], "tools": [deferred, deferred]})
    yield ascii_json({"messages": [result("a"), result("b"), user(), result("c")]})
    yield ascii_json({"messages": [result([{"output": "a"}, {"output": "\n"}]), result("")]})
    yield ascii_json({"messages": [result([]), result(["x", {"type": "text", "text": "y"}])]})
    yield ascii_json({"messages": [result(None), result([{"type": "image_url", "image_url": {"url": "u"}}])]})
    for calls in (
        [call("f", {})],
        [{"name": "flat", "arguments": {"a": "b"}}],
        [call("f", {"a": 1}), call("g", {"b": None, "c": True, "d": [1, "2"], "e": {"f": {}}})],
        [call("f", {"text": "  blanks stay \n", "empty": "", "tag": "</arg_value>"})],
        [],
    ):
        yield ascii_json({"messages": [user(), assistant(" \n", tool_calls=calls)]})
        yield ascii_json({"messages": [user(), assistant(" then ", tool_calls=calls), user()]})


def contents():
    media = ["image", "image_url", "video", "video_url", "audio", "audio_url", "input_audio", "file"]
    parts = ["bare ", {"type": "text", "text": " text "}, *({"type": kind} for kind in media)]
    blanks = ["", " ", "\n", "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u2028\u3000", "\ufeff\u200b"]
    tags = "<|user|>a<|assistant|><think>/nothink[gMASK]<sop></think><tool_call>b</tool_call>"
    for content in [parts, [], [{"type": "text", "text": ""}], *blanks, tags, None, "{{ x }}{% y %}"]:
        for role in ("system", "user", "assistant", "tool"):
            yield ascii_json({"messages": [{"role": role, "content": content}]})
    for blank in blanks:
        yield ascii_json({"messages": [assistant(f"{blank}a{blank}b{blank}")]})
    yield ascii_json({"messages": []})
    yield ascii_json({"messages": [], "add_generation_prompt": True})
    yield ascii_json({"messages": [{"role": "system", "content": "a"}, user("b"), {"role": "system", "content": "c"}]})


NUMBERS = [
    *("0 -0 1 -1 9007199254740993 12345678901234567890 -98765432109876543210".split()),
    *("0.0 -0.0 2.0 2.50 1e20 1E5 1e16 1e15 123456789012345680.0 0.0001 0.00001 1.5e-7".split()),
    *("5e-324 1.7976931348623157e308 0.1 3.141592653589793 100.0 1e-5 4.35 0.30000000000000004".split()),
]
VALUES = [
    *NUMBERS,
    *('true false null [] {} "" "5" [[],{}] {"10":1,"9":2,"b":3,"a":4} [1,2.0,"x",null]'.split()),
    r'"\u00e9\ud83e\udd99 \" \\ \/ \n\r\t\b\f \u0001 \u007f \u2028 <&> \u0000"',
    r'{"k\"ey": "v\"al", "\u4f60\u597d": "\u4e16\u754c", "nested": {"deep": [{"er": ["\n"]}]}}',
]


def jsons():
    for value in VALUES:
        arguments = f'{{"name": "f", "arguments": {{"x": {value}, "y": [{value}]}}}}'
        messages = f'[{{"role": "assistant", "content": null, "tool_calls": [{arguments}]}}]'
        tool = f'{{"name": "f", "description": "d", "x": {value}, "y": {{"z": {value}}}}}'
        yield f'{{"messages": {messages}, "tools": [{tool}]}}'
    yield r'{"messages": [], "tools": [{"z\"": 1, "name": "f", "10": 2, "\u00e9": 3, "9": 4, "strict": true}]}'
    yield r'{"messages": [{"role": "assistant", "tool_calls": [{"name": "f", "arguments": {"z": "1", "10": "2", "k\"": 3, "9": "4"}}]}]}'


WORDS = [
    *("hello", "Weather in ", "你好，世界", " 王", "🦙", "e\u0301", "x\ty", '"q"', "a\\b", "\n", "\n\n"),
    *(" ", "  ", "\r\n", "\u00a0", "\u3000", "\x1f", "\ufeff", "12", "<think>", "</think>", "</tool_call>"),
    *("<|user|>", "<tool_response>", "/nothink", "None", "naïve", "It's", "src/main.ts", "<b>", "\u0085"),
]
KEYS = ["q", "city", "Größe", "max results", "10", "9", "type", "x_1"]
NAMES = ["search", "get_weather", "f", "名前"]


class Chance(random.Random):
    def once(self, n: int) -> bool:
        return self.randrange(n) == 0

    def many(self, most: int, make):
        return [make() for _ in range(self.randrange(most + 1))]

    def words(self) -> str:
        return "".join(self.many(6, lambda: self.choice(WORDS)))

    def json(self, depth: int):
        kind = self.randrange(8 if depth > 0 else 6)
        if kind < 2:
            return self.choice([None, True, False, self.randrange(-(10**6), 10**6), 2**70, 2.0])
        if kind < 3:
            return self.uniform(-1, 1) * 10.0 ** self.randrange(-20, 20)
        if kind < 6:
            return self.words()
        return self.many(3, lambda: self.json(depth - 1)) if kind < 7 else self.object(depth - 1)

    def object(self, depth: int) -> dict:
        return {key: self.json(depth) for key in self.many(3, lambda: self.choice(KEYS))}

    def tool(self):
        inner = {"name": self.choice(NAMES), "description": self.words(), "parameters": self.object(2)}
        if self.once(3):
            inner = {"strict": self.once(2), **inner, "defer_loading": self.once(2)}
        return inner if self.once(3) else {"type": "function", "function": inner}

    def content(self):
        part = lambda: self.words() if self.once(3) else {"type": "text", "text": self.words()}
        return self.many(3, part) if self.once(4) else self.words()

    def message(self) -> dict:
        role = self.choice(["system", "user", "user", "assistant", "assistant", "assistant", "tool", "tool"])
        message = {"role": role, "content": self.content()}
        if role == "assistant":
            if self.once(2):
                message["reasoning_content"] = self.words()
            if self.once(2):
                message["tool_calls"] = self.many(3, lambda: call(self.choice(NAMES), self.object(2)))
        if role == "tool" and self.once(4):
            message["content"] = [{"type": "tool_reference", "name": self.choice(NAMES)}]
        return message


def randoms():
    chance = Chance(52)
    for _ in range(140):
        request = {"messages": chance.many(7, chance.message)}
        request["tools"] = chance.many(3, chance.tool)
        for switch in ("enable_thinking", "clear_thinking", "add_generation_prompt"):
            if chance.once(2):
                request[switch] = chance.once(2)
        if chance.once(2):
            request["reasoning_effort"] = chance.choice(["high", "max"])
        yield ascii_json(request)
