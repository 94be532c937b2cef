"""Writes the small Parquet files of the data set tests; needs datasets 5.0, pyarrow and numpy.

    python test/golden/datasets/make.py
"""

import io
import os
import wave

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Audio, ClassLabel, Features, List, Value

HERE = os.path.dirname(os.path.abspath(__file__))


def wav(frames, seed):
    noise = np.random.default_rng(seed).integers(-8000, 8000, frames, dtype=np.int16)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(noise.tobytes())
    return file.getvalue()


def path(name):
    return os.path.join(HERE, name)


clips = [{"bytes": wav(80 + 8 * i, i), "path": f"{i}.wav"} for i in range(6)]
audio = Audio(sampling_rate=8000)

# One clip is no audio, one has no bytes, one label is outside the class list.
broken = list(clips)
broken[1] = {"bytes": b"no audio at all", "path": "1.wav"}
broken[4] = {"bytes": None, "path": "missing.wav"}
table = pa.table(
    {
        "audio": pa.array(broken, pa.struct({"bytes": pa.binary(), "path": pa.string()})),
        "label": pa.array([0, 1, 0, 7, 1, -1], pa.int64()),
    }
)
features = Features({"audio": audio, "label": ClassLabel(names=["no", "yes"])})
table = table.replace_schema_metadata(features.arrow_schema.metadata)
pq.write_table(table, path("broken.parquet"))

# Several labels a clip, a number a clip, a struct; row groups of two with a page index.
features = Features(
    {
        "audio": audio,
        "labels": List(ClassLabel(names=["dog", "rain", "siren"])),
        "loudness": Value("float32"),
        "speaker": {"name": Value("string"), "age": Value("int32")},
    }
)
rows = {
    "audio": clips,
    "labels": [[0, 2], [], [1], [0, 1, 2], [2], [0]],
    "loudness": [0.5, 0.25, 1.0, 2.0, 4.0, 8.0],
    "speaker": [{"name": f"s{i}", "age": 20 + i} for i in range(6)],
}
table = pa.table(rows, schema=features.arrow_schema)
pq.write_table(table, path("several.parquet"), row_group_size=2, write_page_index=True)

# Plain columns, no schema of datasets, no recordings; a number that a double cannot hold.
plain = pa.table({"text": ["a", "b", None], "count": [1, 2, 2**60], "score": [0.5, 1.5, None], "ok": [True, False, None]})
pq.write_table(plain, path("plain.parquet"), compression="zstd")

# One row group of many pages with an index, and no rows at all.
many = pa.table({"number": list(range(20000)), "text": [f"row {i} " + "x" * 200 for i in range(20000)]})
pq.write_table(many, path("pages.parquet"), write_page_index=True, data_page_size=65536, use_dictionary=False, compression="zstd")
pq.write_table(plain.slice(0, 0), path("empty.parquet"))

# Recordings as their samples, as some pipelines leave them, and as bare files.
samples = [np.frombuffer(clip["bytes"][44:], np.int16) / np.float32(32768) for clip in clips]
labels = ["no", "yes"] * 3
structs = [{"array": list(map(float, array)), "sampling_rate": 8000} for array in samples]
layout = pa.struct({"array": pa.list_(pa.float32()), "sampling_rate": pa.int64()})
table = pa.table({"audio": pa.array(structs, layout), "label": labels})
pq.write_table(table, path("samples.parquet"), row_group_size=2)
files = [clip["bytes"] for clip in clips]
pq.write_table(pa.table({"clip": pa.array(files, pa.binary()), "label": labels}), path("bytes.parquet"))
