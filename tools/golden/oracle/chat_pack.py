"""Write the conformance pack: the results of reference implementations for texts and conversations.

    python chat_pack.py --data DIR --out golden

DIR holds the official tokenizer.json and chat_template.jinja of GLM-5.2. Writes
OUT/tokenizer/*.json (texts -> ids, by the Rust library `tokenizers`) and OUT/chat/*.json
(conversations -> prompt, by Python jinja2 with the settings of HF transformers, -> ids). The
texts and conversations are our own; pack_texts.py and pack_chats.py make them. Random ones come
from fixed seeds.
"""

import argparse
import copy
import hashlib
import json
from pathlib import Path

import jinja2
import tokenizers
import transformers
from tokenizers import Tokenizer
from transformers.utils.chat_template_utils import _compile_jinja_template

import pack_chats
import pack_texts


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()

    source = (args.data / "tokenizer.json").read_text(encoding="utf-8")
    template = (args.data / "chat_template.jinja").read_text(encoding="utf-8")
    spec = json.loads(source)
    tokenizer = Tokenizer.from_str(source)
    made_by = {
        "tokenizer.json": sha256(source),
        "chat_template.jinja": sha256(template),
        "tokenizers": tokenizers.__version__,
        "jinja2": jinja2.__version__,
        "transformers": transformers.__version__,
    }
    write_texts(args.out / "tokenizer", tokenizer, spec, made_by)
    write_chats(args.out / "chat", tokenizer, template, made_by)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def write_texts(folder: Path, tokenizer: Tokenizer, spec: dict, made_by: dict) -> None:
    ordinary = Tokenizer.from_str(json.dumps({**spec, "added_tokens": []}))
    for name, about, texts in pack_texts.files():
        cases = []
        for text in texts:
            case = {"text": text, "ids": encode(tokenizer, text)}
            plain = encode(ordinary, text)
            if plain != case["ids"]:
                case["ordinary_ids"] = plain
            cases.append(json.dumps(case))
        write(folder / f"{name}.json", about, made_by, cases)

    unreachable = [json.dumps(case) for case in whole_tokens_out_of_reach(tokenizer, spec)]
    about = "Every token that no chain of merges ends in: only ignore_merges makes it."
    write(folder / "ignore-merges.json", about, made_by, unreachable)

    cases = []
    for ids in pack_texts.id_lists(tokenizer):
        case = {
            "ids": ids,
            "text": tokenizer.decode(ids, skip_special_tokens=False),
            "text_without_special": tokenizer.decode(ids, skip_special_tokens=True),
        }
        cases.append(json.dumps(case))
    write(folder / "decode.json", "Ids to text; what is not UTF-8 is U+FFFD.", made_by, cases)


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False).ids


def whole_tokens_out_of_reach(tokenizer: Tokenizer, spec: dict):
    model = {**spec["model"], "ignore_merges": False}
    merges_only = Tokenizer.from_str(json.dumps({**spec, "model": model}))
    for token, id in sorted(spec["model"]["vocab"].items(), key=lambda item: item[1]):
        text = tokenizer.decode([id])
        if encode(tokenizer, text) == [id] and encode(merges_only, text) != [id]:
            yield {"text": text, "ids": [id]}


def write_chats(folder: Path, tokenizer: Tokenizer, template: str, made_by: dict) -> None:
    compiled = _compile_jinja_template(template)
    for name, about, requests in pack_chats.files():
        cases = []
        for written in requests:  # as JSON text, so that the spelling of numbers is kept
            text = compiled.render(**normalized(json.loads(written)))
            rest = json.dumps({"text": text, "ids": encode(tokenizer, text)})
            cases.append(f'{{"request": {written}, {rest[1:]}')
        write(folder / f"{name}.json", about, made_by, cases)


def normalized(request: dict) -> dict:
    """Replaces a content of null by the empty text, as servers do; jinja2 would print None."""
    request = copy.deepcopy(request)
    for message in request["messages"]:
        if message.get("content", "") is None:
            message["content"] = ""
    return request


def write(path: Path, about: str, made_by: dict, cases: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = f'{{\n"about": {json.dumps(about)},\n"made_by": {json.dumps(made_by)},\n"cases": [\n'
    text = head + ",\n".join(cases) + "\n]\n}\n"
    json.loads(text)
    path.write_text(text, encoding="ascii")
    print(f"{path}: {len(cases)} cases, {len(text)} bytes")


if __name__ == "__main__":
    main()
