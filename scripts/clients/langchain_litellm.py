"""A conversation with a tool through LangChain and LiteLLM for Python. Written for langchain-openai 1.7.4 and
litellm 1.110.2.

    npx glm52 serve --think off          # in another terminal
    pip install langchain-openai==1.7.4 litellm==1.110.2
    python scripts/clients/langchain_litellm.py http://127.0.0.1:8080
"""

import importlib.metadata
import json
import os
import sys
import urllib.request

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # asks no other server

import litellm
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

server = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
with urllib.request.urlopen(f"{server}/v1/models") as answer:
    model = json.load(answer)["data"][0]["id"]

schema = {
    "type": "object",
    "properties": {"location": {"enum": ["Paris", "San Francisco"]}},
    "required": ["location"],
}
tool = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a place.",
        "parameters": schema,
    },
}
question = "What is the weather in San Francisco?"

for use_responses_api in (False, True):
    chat = ChatOpenAI(
        model=model,
        base_url=f"{server}/v1",
        api_key="none",
        max_tokens=300,
        stream_usage=True,  # without it, a stream has no usage under a base URL of one's own
        use_responses_api=use_responses_api,
    )
    forced = chat.bind_tools([tool], tool_choice="required")
    message = forced.invoke([HumanMessage(question)])
    call = message.tool_calls[0]
    assert call["name"] == "get_weather" and isinstance(call["args"]["location"], str)
    streamed = None
    for chunk in forced.stream([HumanMessage(question)]):
        streamed = chunk if streamed is None else streamed + chunk
    assert streamed.tool_calls[0]["args"] == call["args"]
    assert streamed.usage_metadata["output_tokens"] == message.usage_metadata["output_tokens"]
    result = ToolMessage("Sunny.", tool_call_id=call["id"])
    assert chat.invoke([HumanMessage(question), message, result]).text
    api = "responses" if use_responses_api else "chat completions"
    version = importlib.metadata.version("langchain-openai")
    print(f"langchain-openai {version}, {api}: all as it should be")

messages = [{"role": "user", "content": question}]
routes = {
    f"openai/{model}": f"{server}/v1",
    f"hosted_vllm/{model}": f"{server}/v1",
    f"anthropic/{model}": server,
}
for route, base in routes.items():
    ask = dict(model=route, api_base=base, api_key="none", messages=messages, tools=[tool])
    forced = litellm.completion(**ask, tool_choice="required", max_tokens=300)
    call = forced.choices[0].message.tool_calls[0]
    assert forced.choices[0].finish_reason == "tool_calls", route
    assert isinstance(json.loads(call.function.arguments)["location"], str), route
    chunks = list(litellm.completion(**ask, tool_choice="required", max_tokens=300, stream=True))
    whole = litellm.stream_chunk_builder(chunks, messages=messages)
    assert whole.choices[0].message.tool_calls[0].function.arguments == call.function.arguments
    turn = [
        *messages,
        forced.choices[0].message.model_dump(),
        {"role": "tool", "tool_call_id": call.id, "content": "Sunny."},
    ]
    answered = litellm.completion(**{**ask, "messages": turn}, max_tokens=60)
    assert answered.choices[0].finish_reason in ("stop", "length"), route
    version = importlib.metadata.version("litellm")
    print(f"litellm {version}, {route}: all as it should be")
