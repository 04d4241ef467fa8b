#!/usr/bin/env python3
"""Writes the small Parquet files of the tests, as the `datasets` package writes them.

Needs pyarrow (written with 26.0). Every problem is of this project's own making.
Run from the root of the repository; the files are committed.
"""
import datetime
import decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CORE = Path("tts-core/tests/data")
SEARCH = Path("tts-search/tests/data")


def write(path, table, **options):
    pq.write_table(table, path, **options)


# Questions that repeat, so that dictionary pages are used; three row groups; snappy, the default of the hub.
rolls = [f"A baker has {n % 5 + 20} rolls and sells {n % 5}. How many are left?" for n in range(25)]
answers = [f"She has {n % 5 + 20}-{n % 5}=<<{n % 5 + 20}-{n % 5}=20>>20 left.\n#### 20" for n in range(25)]
gsm8k = pa.table({"question": rolls, "answer": answers})
write(SEARCH / "gsm8k.snappy.parquet", gsm8k, compression="snappy", row_group_size=10)

# Nested lists, and an index for an answer, in zstd.
mmlu = pa.table({
    "question": ["Which is a prime?", "Which is the largest?"],
    "subject": ["numbers", "numbers"],
    "choices": [["4", "6", "7", "9"], ["one", "two", "three", "four"]],
    "answer": pa.array([2, 3], pa.int64()),
})
write(SEARCH / "mmlu.zstd.parquet", mmlu, compression="zstd")

# Structs of lists of lists, nulls, and the second form of pages, in zstd.
hotpot = pa.table({
    "id": ["h1", "h2"],
    "question": ["Where was the author of the Lay born?", "Which river passes the town of the mill?"],
    "answer": ["Osleta", "the Wend"],
    "type": ["bridge", None],
    "level": ["easy", None],
    "supporting_facts": [
        {"title": ["Lay", "Mira Voss"], "sent_id": [0, 0]},
        {"title": ["Mill"], "sent_id": [1]},
    ],
    "context": [
        {"title": ["Lay", "Mira Voss"],
         "sentences": [["The Lay is by Mira Voss."], ["Mira Voss was born in Osleta.", " She wrote."]]},
        {"title": ["Mill"], "sentences": [["The mill stands in Harn.", " Harn lies on the Wend."]]},
    ],
})
write(SEARCH / "hotpotqa.zstd2.parquet", hotpot, compression="zstd", data_page_version="2.0")

# Every kind of column that a data set may have.
kinds = pa.table({
    "long": pa.array([9007199254740993, None], pa.int64()),
    "unsigned": pa.array([18446744073709551615, 0], pa.uint64()),
    "small": pa.array([-7, 7], pa.int8()),
    "single": pa.array([0.1, None], pa.float32()),
    "double": pa.array([145.0, 1e-7], pa.float64()),
    "yes": pa.array([True, False], pa.bool_()),
    "text": pa.array(["größer", ""], pa.large_string()),
    "day": pa.array([datetime.date(2026, 11, 29), None], pa.date32()),
    "price": pa.array([decimal.Decimal("12.50"), decimal.Decimal("-0.05")], pa.decimal128(9, 2)),
    "picture": pa.array([b"\xff\xd8\xff", b"text"], pa.binary()),
    "none": pa.array([None, None], pa.string()),
    "list": pa.array([[1, None, 3], []], pa.list_(pa.int32())),
    "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int32())),
})
for name, options in {
    "plain": {"compression": "none", "use_dictionary": False},
    "snappy": {"compression": "snappy"},
    "zstd": {"compression": "zstd"},
    "zstd2": {"compression": "zstd", "data_page_version": "2.0"},
}.items():
    write(CORE / f"kinds.{name}.parquet", kinds, **options)
write(CORE / "gzip.parquet", gsm8k.slice(0, 2), compression="gzip")

# Pages of zstd that are longer than a small window, and of several frames' worth of text.
long = pa.table({"question": [f"{n}: " + "word " * 4000 for n in range(40)], "answer": [str(n) for n in range(40)]})
write(CORE / "long.zstd.parquet", long, compression="zstd", use_dictionary=False)
