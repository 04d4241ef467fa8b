#!/usr/bin/env python3
"""Tree searches of the library beside those of TreeQuest, in turn: microseconds a call, medians, and their ratio.

usage: treequest_pairs.py [CALLS] [ROUNDS]     default: 1000 3; needs `pip install treequest[abmcts-m]==0.3.3`, and
                                         `cargo build --release -p tts-benches --bin orchestration`

A generator that costs nothing and a random score leave what the search does itself. AB-MCTS-M is asked for a
fiftieth of the calls.
"""
import json
import os
import random
import statistics
import subprocess
import sys
import time

import treequest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def theirs(algorithm, calls):
    random.seed(1)
    state, generate = algorithm.init_tree(), {"one": lambda parent: ("x", random.random())}
    start = time.perf_counter()
    for _ in range(calls):
        state = algorithm.step(state, generate, inplace=True)
    return 1e6 * (time.perf_counter() - start) / calls


def ours(name, calls):
    command = [os.path.join(ROOT, "target/release/orchestration"), name, str(calls)]
    figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return 1e6 * figures["seconds"] / calls


def main():
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    pairs = [
        ("mcts", treequest.StandardMCTS, calls),
        ("ab-mcts", treequest.ABMCTSA, calls),
        ("ab-mcts-beta", lambda: treequest.ABMCTSA(dist_type="beta"), calls),
        ("ab-mcts-m", lambda: treequest.ABMCTSM(max_process_workers=1), max(calls // 50, 1)),
    ]
    print("search,calls,us_a_call,treequest_us_a_call,ratio")
    for name, algorithm, count in pairs:
        found = [(ours(name, count), theirs(algorithm(), count)) for _ in range(rounds)]
        own, other = (statistics.median(column) for column in zip(*found))
        print(f"{name},{count},{own:.2f},{other:.1f},{other / own:.0f}", flush=True)


main()
