"""Writes the tables of the folder tables/, with pandas 3.1.1 and pyarrow 26.0.1. Run with: python tables.py

Every table is there as Parquet and as the CSV that pandas makes of the same rows.
"""

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).parent / "tables"
OUT.mkdir(exist_ok=True)

rows = 40
rng = np.random.default_rng(7)
size = np.round(rng.normal(0, 100, rows), 3)
frame = pd.DataFrame(
    {
        "size": np.where(np.arange(rows) % 7 == 3, np.nan, size),
        "count": pd.array(rng.integers(-(2**40), 2**40, rows), dtype="Int64"),
        "colour": pd.array([["red", "blue", "gr\u00fcn, hell", None][i % 4] for i in range(rows)], dtype="string"),
        "fresh": rng.integers(0, 2, rows) > 0,
        "day": [date(1969, 12, 20 + i % 12) if i % 2 else date(2024, 2, 29) for i in range(rows)],
        "at": pd.date_range("2024-02-28 23:59:59.25", periods=rows, freq="7h13min"),
        "kind": np.where(size > 0, "a", "b"),
    }
)
frame.to_csv(OUT / "mixed.csv", index=False)
table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
# Row groups and pages small enough for a file to have several; a codec each.
for codec in ["snappy", "gzip", "zstd", "lz4"]:
    pq.write_table(table, OUT / f"mixed-{codec}.parquet", compression=codec, row_group_size=25, store_schema=False, write_statistics=False)

pq.write_table(table.slice(0, 2), OUT / "brotli.parquet", compression="brotli", store_schema=False, write_statistics=False)

# One row of each kind of value, and the text that it is.
one = {
    "i8": (pa.int8(), -128, "-128"),
    "u8": (pa.uint8(), 255, "255"),
    "i16": (pa.int16(), -32768, "-32768"),
    "u16": (pa.uint16(), 65535, "65535"),
    "i32": (pa.int32(), -(2**31), "-2147483648"),
    "u32": (pa.uint32(), 2**32 - 1, "4294967295"),
    "i64": (pa.int64(), -(2**63), "-9223372036854775808"),
    "u64": (pa.uint64(), 2**64 - 1, "18446744073709551615"),
    "f16": (pa.float16(), np.float16(0.5), "0.5"),
    "f32": (pa.float32(), 0.1, "0.1"),
    "f64": (pa.float64(), 0.1 + 0.2, "0.30000000000000004"),
    "large": (pa.float64(), 1e300, "1e300"),
    "whole": (pa.float64(), 3.0, "3.0"),
    "decimal": (pa.decimal128(20, 2), Decimal("-123456789012345678.90"), "-123456789012345678.90"),
    "date": (pa.date32(), date(1900, 3, 1), "1900-03-01"),
    "s": (pa.timestamp("s"), -1, "1969-12-31 23:59:59"),
    "ms": (pa.timestamp("ms"), 1, "1970-01-01 00:00:00.001"),
    "us": (pa.timestamp("us", tz="UTC"), 951826154000000, "2000-02-29 12:09:14"),
    "ns": (pa.timestamp("ns"), 1709251199999999999, "2024-02-29 23:59:59.999999999"),
    "time": (pa.time32("ms"), 45015500, "12:30:15.500"),
    "binary": (pa.binary(), "\u00e9t\u00e9".encode(), "\u00e9t\u00e9"),
    "null": (pa.string(), None, ""),
}
arrays = {name: pa.array([value], type=type) for name, (type, value, _) in one.items()}
pq.write_table(pa.table(arrays), OUT / "kinds.parquet", use_dictionary=False, store_schema=False, write_statistics=False)
(OUT / "kinds.csv").write_text(",".join(one) + "\n" + ",".join(text for _, _, text in one.values()) + "\n")

for name, array in {
    "list": pa.array([[1, 2], []]),
    "struct": pa.array([{"a": 1}, {"a": 2}]),
    "map": pa.array([[("a", 1)], []], type=pa.map_(pa.string(), pa.int64())),
    "bytes": pa.array([b"plain", b"\xff\xfe"]),
}.items():
    small = pa.table({"x": pa.array([1, 2]), name: array})
    pq.write_table(small, OUT / f"{name}.parquet", compression="none", write_statistics=False)
