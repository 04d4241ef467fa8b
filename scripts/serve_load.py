#!/usr/bin/env python3
"""Asks a server of tts for many searches at a time, and tells how long clients wait.

    pip install httpx
    cargo run --release --example serve -- --model embedded --bind 127.0.0.1:8080
    scripts/serve_load.py --model embedded+beam-16 --clients 64 --requests 256

Each client streams one request after another. Told are p50 and p99 of three times from sending a
request: to the first event of any kind, to the first progress that says that tokens were generated,
and to the end. Questions are arithmetic chains, as the embedded model knows them (`--chat` asks in
messages instead of raw text). An answer that is an error makes the exit code non-zero.
"""

import argparse
import asyncio
import json
import os
import random
import time

import httpx


def question(number: int) -> str:
    chance = random.Random(number)
    text = str(chance.randint(1, 99))
    for _ in range(chance.randint(2, 6)):
        text += chance.choice("+-") + str(chance.randint(1, 99))
    return text


async def ask(client: httpx.AsyncClient, arguments, number: int) -> dict:
    body = {"model": arguments.model, "stream": True, "seed": number}
    body["stream_options"] = {"include_usage": True}
    if arguments.chat:
        path = "chat/completions"
        body["messages"] = [{"role": "user", "content": f"What is {question(number)}?"}]
    else:
        path, body["prompt"] = "completions", question(number) + "\n"
    begun = time.perf_counter()
    told = {"first": None, "progress": None, "tokens": 0, "error": None}
    async with client.stream("POST", path, json=body) as response:
        if response.status_code != 200:
            told["error"] = (await response.aread()).decode()
            return told
        async for line in response.aiter_lines():
            now = time.perf_counter() - begun
            if line and told["first"] is None:
                told["first"] = now
            if line.startswith(": tts.progress ") and told["progress"] is None:
                if json.loads(line.split(" ", 2)[2])["progress"]["tokens"] > 0:
                    told["progress"] = now
            if line.startswith("data: {"):
                chunk = json.loads(line[len("data: ") :])
                told["error"] = chunk.get("error", told["error"])
                if chunk.get("usage"):
                    told["tokens"] = chunk["usage"]["tts"]["generated_tokens"]
    told["end"] = time.perf_counter() - begun
    return told


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--base-url", default="http://127.0.0.1:8080/v1/")
    parser.add_argument("--model", required=True)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--requests", type=int, default=256)
    parser.add_argument("--chat", action="store_true")
    arguments = parser.parse_args()
    headers = {"authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', 'none')}"}
    limits = httpx.Limits(max_connections=arguments.clients)
    numbers = iter(range(arguments.requests))
    results: list[dict] = []
    begun = time.perf_counter()
    async with httpx.AsyncClient(
        base_url=arguments.base_url, headers=headers, timeout=None, limits=limits
    ) as client:

        async def work() -> None:
            for number in numbers:
                results.append(await ask(client, arguments, number))

        await asyncio.gather(*(work() for _ in range(arguments.clients)))
    seconds = time.perf_counter() - begun
    failed = [result["error"] for result in results if result["error"]]
    tokens = sum(result["tokens"] for result in results)
    print(f"{len(results)} requests by {arguments.clients} clients in {seconds:.1f} s")
    print(f"{len(failed)} errors; {tokens} tokens, {tokens / seconds:.0f} a second")
    for name in ("first", "progress", "end"):
        times = sorted(r[name] for r in results if not r["error"] and r.get(name) is not None)
        at = lambda share: times[min(len(times) - 1, int(share * len(times)))]
        if times:
            print(f"{name:9} p50 {at(0.5):.3f} s, p99 {at(0.99):.3f} s, of {len(times)}")
    if failed:
        raise SystemExit(f"errors: {failed[:3]}")


if __name__ == "__main__":
    asyncio.run(main())
