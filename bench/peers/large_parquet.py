"""Writes a Parquet file of recordings for data_rows.ts; needs pyarrow and numpy.

    python bench/peers/large_parquet.py FILE [ROWS] [SAMPLES]

A million rows of 500 samples, the defaults, are 1.1 GB in row groups of 1,000.
"""

import json
import struct
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

GROUP_ROWS = 1000


def wav(samples):
    body = samples.tobytes()
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(body), b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    return head + struct.pack("<4sI", b"data", len(body)) + body


def main(file, rows=1_000_000, samples=500):
    features = {
        "audio": {"sampling_rate": 8000, "_type": "Audio"},
        "label": {"names": ["no", "yes"], "_type": "ClassLabel"},
        "id": {"dtype": "int64", "_type": "Value"},
    }
    audio = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    schema = pa.schema([("audio", audio), ("label", pa.int64()), ("id", pa.int64())])
    schema = schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    random = np.random.default_rng(1)
    with pq.ParquetWriter(file, schema, compression="snappy", use_dictionary=False) as writer:
        for start in range(0, rows, GROUP_ROWS):
            ids = range(start, min(start + GROUP_ROWS, rows))
            noise = random.integers(-8000, 8000, (len(ids), samples), dtype=np.int16)
            clips = [{"bytes": wav(noise[i]), "path": f"{id}.wav"} for i, id in enumerate(ids)]
            columns = [pa.array(clips, audio), pa.array([id % 2 for id in ids]), pa.array(ids)]
            writer.write_table(pa.table(columns, schema=schema))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
