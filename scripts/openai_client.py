#!/usr/bin/env python3
"""Asks a server of tts through OpenAI's own Python client, and checks what comes back.

    pip install openai
    OPENAI_API_KEY=... scripts/openai_client.py --base-url http://127.0.0.1:8080/v1 --model smollm2

Whole answers, streams with usage and progress, a recipe in `extra_body`, completions, errors. With
--expect the answer of the search must be this one.
"""

import argparse

import openai


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--base-url", default="http://127.0.0.1:8080/v1")
    parser.add_argument("--model", required=True)
    parser.add_argument("--strategy", default="best-of-n-4")
    parser.add_argument("--question", default="What is 17 + 24?")
    parser.add_argument("--expect")
    arguments = parser.parse_args()
    client = openai.OpenAI(base_url=arguments.base_url, max_retries=0)
    name = f"{arguments.model}+{arguments.strategy}"
    messages = [{"role": "user", "content": arguments.question}]

    models = [model.id for model in client.models.list()]
    assert arguments.model in models, models
    assert client.models.retrieve(arguments.model).id == arguments.model

    whole = client.chat.completions.create(model=name, messages=messages, seed=3)
    choice = whole.choices[0]
    print("answer  ", choice.message.content.strip().splitlines()[-1:])
    print("usage   ", whole.usage.model_dump())
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    assert whole.usage.tts["generated_tokens"] >= whole.usage.completion_tokens
    if arguments.expect is not None:
        assert choice.tts["answer"] == arguments.expect, choice

    # What a program does that knows nothing of search.
    text = ""
    for chunk in client.chat.completions.create(model=name, messages=messages, seed=3, stream=True):
        text += chunk.choices[0].delta.content or ""
    assert text == choice.message.content, text

    # With progress, and the cost at the end.
    stream = client.chat.completions.create(
        model=name,
        messages=messages,
        seed=3,
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"tts": {"progress": True}},
    )
    text, told, usage = "", 0, None
    for chunk in stream:
        usage = chunk.usage or usage
        for part in chunk.choices:
            text += part.delta.content or ""
            told += "progress" in (getattr(part, "tts", None) or {})
    assert text == choice.message.content, text
    assert usage == whole.usage, usage
    assert told > 0, "no progress was told"
    print("progress", told, "times")

    recipe = {"strategy": "self-consistency", "n": 5}
    extra = {"tts": {"recipe": recipe, "task": "math", "budget_tokens": 5000}}
    voted = client.chat.completions.create(
        model=arguments.model, messages=messages, n=2, extra_body=extra
    )
    assert len(voted.choices) == 2 and voted.usage.tts["lines"] == 10, voted

    raw = client.completions.create(model=name, prompt=arguments.question, max_tokens=64)
    assert raw.choices[0].finish_reason in ("stop", "length"), raw
    parts = client.completions.create(
        model=name, prompt=arguments.question, max_tokens=64, stream=True
    )
    assert "".join(part.choices[0].text for part in parts) == raw.choices[0].text

    for error, ask in [
        (openai.NotFoundError, {"model": "no-such-model"}),
        (openai.BadRequestError, {"model": arguments.model + "+no-such-strategy"}),
        (openai.BadRequestError, {"model": arguments.model, "temperature": 3}),
        (openai.BadRequestError, {"model": arguments.model, "frequency_penalty": 1}),
    ]:
        try:
            client.chat.completions.create(messages=messages, **ask)
        except error as found:
            print("refused ", found.param, found.code)
            assert found.param in ("model", "temperature", "frequency_penalty"), found
        else:
            raise AssertionError(f"{ask} was answered")
    print("all is well")


if __name__ == "__main__":
    main()
