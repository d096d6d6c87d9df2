"""Renders conversations with a chat template, as HF transformers does.

    python render_chat.py TEMPLATE < requests.json > prompts.json

The input is a JSON array of requests, the output one of texts. jinja2 is set up as in
transformers/utils/chat_template_utils.py.
"""

import json
import sys

from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def main(path):
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = tojson
    with open(path, encoding="utf-8") as file:
        template = environment.from_string(file.read())
    requests = json.load(sys.stdin)
    texts = [template.render(**{"tools": [], **request}) for request in requests]
    json.dump(texts, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
