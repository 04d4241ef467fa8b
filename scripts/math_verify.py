#!/usr/bin/env python3
"""Grades rows of JSON lines with math-verify, and prints what this library's `answers` example prints.

usage: math_verify.py ROWS.jsonl [MORE.jsonl ...]

Each row has `gold`, `pred`, and `equivalent` or `expected`. math-verify is not symmetric, so both
orders are counted: rows right, equal rows not found, unequal rows taken for equal. Texts are parsed with its default extraction,
as its own examples do, and the first of a pair as a formula too if that finds nothing. What it finds nothing
in is never equal. Needs math-verify[antlr4_13_2]==0.9.0.
"""
import json
import sys

# This file has the name of what it asks, and stands first in the path.
sys.path.pop(0)

from math_verify import parse, verify  # noqa: E402


def same(gold, pred):
    """Whether math-verify takes `pred` for `gold`; whatever it raises counts as no."""
    try:
        # A bare formula is no text to it, and gold answers are bare formulas.
        left = parse(gold, raise_on_error=False) or parse(f"${gold}$", raise_on_error=False)
        right = parse(pred, raise_on_error=False)
        return bool(left and right and verify(left, right, raise_on_error=False))
    except Exception:  # noqa: BLE001
        return False


def main():
    print("| file | way | rows | right | equal not found | unequal taken for equal |")
    print("|---|---|---|---|---|---|")
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if line.strip()]
        for way in ("gold, pred", "pred, gold"):
            right = missed = taken = 0
            for row in rows:
                expected = row["equivalent"] if "equivalent" in row else row["expected"]
                pair = (row["gold"], row["pred"])
                found = same(*pair) if way == "gold, pred" else same(*reversed(pair))
                right += found == expected
                missed += expected and not found
                taken += found and not expected
            print(f"| {path} | {way} | {len(rows)} | {right} | {missed} | {taken} |", flush=True)


if __name__ == "__main__":
    main()
