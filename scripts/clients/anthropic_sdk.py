"""A conversation with a tool through the Anthropic SDK for Python, as its users write it, whole and streamed.
Written for anthropic 2.14.0.

    npx glm52 serve --think off          # in another terminal
    pip install anthropic==2.14.0
    python scripts/clients/anthropic_sdk.py http://127.0.0.1:8080
"""

import sys

import anthropic

server = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
client = anthropic.Anthropic(base_url=server, api_key="none")
model = client.models.list().data[0].id

question = {"role": "user", "content": "What is the weather in San Francisco?"}
tools = [
    {
        "name": "get_weather",
        "description": "The weather of a place.",
        "input_schema": {
            "type": "object",
            "properties": {"location": {"enum": ["Paris", "San Francisco"]}},
            "required": ["location"],
        },
    }
]
ask = dict(model=model, max_tokens=300, messages=[question], tools=tools)
counted = client.messages.count_tokens(model=model, messages=[question], tools=tools)
message = client.messages.create(**ask, tool_choice={"type": "any"})
assert message.stop_reason == "tool_use"
usage = message.usage
assert usage.input_tokens + usage.cache_read_input_tokens == counted.input_tokens

with client.messages.stream(**ask, tool_choice={"type": "any"}) as stream:
    names = [event.type for event in stream]
    whole = stream.get_final_message()
assert names[0] == "message_start" and names[-1] == "message_stop"
assert [block.type for block in whole.content] == [block.type for block in message.content]
call, again = message.content[-1], whole.content[-1]
assert (again.name, again.input) == (call.name, call.input)
assert isinstance(call.input["location"], str)
assert whole.usage.output_tokens == usage.output_tokens

result = {"type": "tool_result", "tool_use_id": call.id, "content": "Sunny, 21 degrees."}
answered = client.messages.create(
    model=model,
    max_tokens=60,
    tools=tools,
    tool_choice={"type": "none"},
    messages=[
        question,
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": [result]},
    ],
)
assert answered.stop_reason in ("end_turn", "max_tokens")

try:
    client.messages.create(**{**ask, "messages": [{"role": "user", "content": [{"type": "no"}]}]})
    raise AssertionError("a wrong request was taken")
except anthropic.BadRequestError as error:
    assert error.body["error"]["type"] == "invalid_request_error"

print(f"anthropic {anthropic.__version__}: all as it should be")
