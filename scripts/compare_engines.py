#!/usr/bin/env python3
"""Runs own workloads and those of other engines in turn, and prints ratios of medians.

usage: compare_engines.py --model FILE.gguf --peers SCRIPT [--openvino PYTHON] [--rounds 5] [--csv FILE]

SCRIPT drives the peers: `SCRIPT ov` runs OpenVINO GenAI, `SCRIPT bench` and `SCRIPT tts` llama.cpp
with its Q4_0 weights (environment Q=Q4_0, SMP=topk). PYTHON is an interpreter with openvino-genai,
for openvino_lines.py on the same file. Hosts are noisy, so every round runs everything
once, one after the other; only ratios of medians within one sitting mean anything. Build first:
cargo build --release -p tts-benches --bins
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
OWN = {
    "best-of-64": ["best-of-n"],
    "best-of-64, full softmax": ["best-of-n", "--top-k", "0"],
    "beam": ["beam"],
    "score": ["score"],
    "decode": ["decode"],
    "decode, 8 lines": ["decode", "--lines", "8"],
    "prefill 512": ["prefill"],
}


def own(model):
    """Tokens a second, and peak memory of best-of-64 in MB."""
    out = {}
    for name, arguments in OWN.items():
        command = [os.path.join(ROOT, "target/release/workload"), *arguments, "--model", model]
        figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        out["own", name] = figures["tokens_per_second"]
        if name == "best-of-64":
            out["own", "peak MB"] = figures["peak_rss_bytes"] / 1e6
    return out


def peer(script, stage, **environment):
    run = subprocess.run(["bash", script, stage], env={**os.environ, **environment},
                         capture_output=True, text=True, check=False)
    return run.stdout


def openvino(script):
    """The faster of its two formats, for each workload."""
    out = {}
    text = peer(script, "ov")
    patterns = {
        "best-of-64": r"best-of-64 top_k 40 .*tok/s (\d+)",
        "best-of-64, full softmax": r"best-of-64 top_k 49152 .*tok/s (\d+)",
        "beam": r"beam steps .*tok/s (\d+)",
    }
    for name, pattern in patterns.items():
        found = [float(x) for x in re.findall(pattern, text)]
        if found:
            out["openvino", name] = max(found)
    memory = [float(x) for x in re.findall(r"RSS MB (\d+)", text)]
    if memory:
        out["openvino", "peak MB"] = min(memory)
    return out


def openvino_lines(python, model):
    """Reading a prompt, and eight lines."""
    script = os.path.join(ROOT, "scripts/openvino_lines.py")
    text = subprocess.run([python, script, model], capture_output=True, text=True, check=True).stdout
    out = {}
    for name, pattern in (("prefill 512", r"prefill 512 tok/s (\d+)"), ("decode, 8 lines", r"8 lines tok/s (\d+)")):
        found = re.search(pattern, text)
        if found:
            out["openvino", name] = float(found[1])
    return out


def llama(script):
    out = {}
    text = peer(script, "tts", Q="Q4_0", SMP="topk")
    for name, mode in (("best-of-64", "bon"), ("beam", "beam")):
        found = re.search(rf"\s{mode}\s.*?tok/s=(\d+).*?RSS=(\d+)MB", text)
        if found:
            out["llama.cpp Q4_0", name] = float(found[1])
            if mode == "bon":
                out["llama.cpp Q4_0", "peak MB"] = float(found[2])
    text = peer(script, "bench", Q="Q4_0")
    for name, test in (("prefill 512", "pp512"), ("decode", "tg128")):
        found = re.search(rf"\|\s*{test}\s*\|\s*([\d.]+)", text)
        if found:
            out["llama.cpp Q4_0", name] = float(found[1])
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--openvino")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--csv")
    options = parser.parse_args()
    seen = {}
    for number in range(options.rounds):
        parts = [own(options.model), openvino(options.peers), llama(options.peers)]
        if options.openvino:
            parts.append(openvino_lines(options.openvino, options.model))
        for key, value in (item for part in parts for item in part.items()):
            seen.setdefault(key, []).append(value)
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    rows = ["engine,workload,median,least,most,own_to_it"]
    for (engine, name), values in sorted(seen.items(), key=lambda item: (item[0][1], item[0][0])):
        median = statistics.median(values)
        ratio = ""
        if engine != "own" and ("own", name) in seen:
            ratio = f"{statistics.median(seen['own', name]) / median:.2f}"
        rows.append(f'{engine},"{name}",{median:.0f},{min(values):.0f},{max(values):.0f},{ratio}')
    text = "\n".join(rows) + "\n"
    print(text, end="")
    if options.csv:
        with open(options.csv, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
