#!/usr/bin/env python3
"""Time by kernel, from the CSV of `ncu --metrics gpu__time_duration.sum` on stdin."""
import collections
import csv
import sys

lines = [line for line in sys.stdin if line.startswith('"')]
times = collections.defaultdict(list)
for row in csv.DictReader(lines):
    scale = {"nsecond": 1e-3, "ns": 1e-3, "usecond": 1.0, "us": 1.0, "msecond": 1e3, "ms": 1e3}[row["Metric Unit"]]
    key = (row["Kernel Name"], row["Grid Size"], row["Block Size"])
    times[key].append(float(row["Metric Value"].replace(",", "")) * scale)
whole = sum(map(sum, times.values()))
print(f"{'share':>6} {'us':>9} {'calls':>5}  kernel, grid, block")
for key, found in sorted(times.items(), key=lambda item: -sum(item[1])):
    print(f"{sum(found) / whole:6.1%} {sum(found) / len(found):9.2f} {len(found):5}  {' '.join(key)}")
print(f"{whole:.0f} us in all")
