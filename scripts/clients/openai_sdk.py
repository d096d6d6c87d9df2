"""A conversation with a tool through the OpenAI SDK for Python, as its users write it: chat completions and
Responses, whole and streamed. Written for openai 3.57.0.

    npx glm52 serve --think off          # in another terminal
    pip install openai==3.57.0
    python scripts/clients/openai_sdk.py http://127.0.0.1:8080
"""

import json
import sys

import openai

server = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
client = openai.OpenAI(base_url=f"{server}/v1", api_key="none")
model = client.models.list().data[0].id

question = {"role": "user", "content": "What is the weather in San Francisco?"}
tool = {
    "name": "get_weather",
    "description": "The weather of a place.",
    "parameters": {
        "type": "object",
        "properties": {"location": {"enum": ["Paris", "San Francisco"]}},
        "required": ["location"],
        "additionalProperties": False,
    },
}

# Chat completions
tools = [{"type": "function", "function": tool}]
ask = dict(model=model, messages=[question], tools=tools, tool_choice="required", seed=7, max_tokens=300)
called = client.chat.completions.create(**ask)
with client.chat.completions.stream(**ask, stream_options={"include_usage": True}) as stream:
    for _ in stream:
        pass
    streamed = stream.get_final_completion()
call = called.choices[0].message.tool_calls[0]
again = streamed.choices[0].message.tool_calls[0]
assert called.choices[0].finish_reason == "tool_calls"
assert again.function.arguments == call.function.arguments
assert again.function.name == call.function.name == "get_weather"
assert streamed.usage.total_tokens == called.usage.total_tokens
assert isinstance(json.loads(call.function.arguments)["location"], str)
answered = client.chat.completions.create(
    model=model,
    messages=[
        question,
        called.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "Sunny, 21 degrees."},
    ],
    tools=tools,
    max_tokens=60,
)
assert answered.choices[0].finish_reason in ("stop", "length")

# Responses
ask = dict(
    model=model,
    input=[question],
    tools=[{"type": "function", "strict": False, **tool}],
    tool_choice="required",
    max_output_tokens=300,
    include=["reasoning.encrypted_content"],
)
response = client.responses.create(**ask)
with client.responses.stream(**ask) as stream:
    names = [event.type for event in stream]
    whole = stream.get_final_response()
item = next(item for item in response.output if item.type == "function_call")
assert response.status == "completed"
assert names[0] == "response.created" and names[-1] == "response.completed"
assert [item.type for item in whole.output] == [item.type for item in response.output]
assert whole.output[-1].arguments == item.arguments
gone_on = client.responses.create(
    model=model,
    max_output_tokens=200,
    input=[
        question,
        *response.output,
        {"type": "function_call_output", "call_id": item.call_id, "output": "Sunny, 21 degrees."},
    ],
)
assert isinstance(gone_on.output_text, str)
assert gone_on.status in ("completed", "incomplete")

# What is wrong is said, with its place
try:
    client.responses.create(model=model, input=[{"role": "user", "content": 5}])
    raise AssertionError("a wrong request was taken")
except openai.BadRequestError as error:
    assert error.param == "input[0].content", error.param

print(f"openai {openai.__version__}: all as it should be")
