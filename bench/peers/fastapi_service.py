"""Classifies posted WAV files with transformers behind FastAPI, for `deno task load --phases peers`.

    python3 fastapi_service.py MODEL_DIR PORT

As its documentation does it: one process, a pool of threads, PyTorch's own threads on all cores.
`GET /computing` gives the seconds that the model alone has taken, and for how many clips.
"""

import io
import sys
import threading
import time

import fastapi
import soundfile
import torch
import uvicorn
from starlette.concurrency import run_in_threadpool
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

directory, port = sys.argv[1], int(sys.argv[2])
extractor = AutoFeatureExtractor.from_pretrained(directory)
model = AutoModelForAudioClassification.from_pretrained(directory).eval()
app = fastapi.FastAPI()
computing = {"seconds": 0.0, "clips": 0}
lock = threading.Lock()


def classify(body):
    samples, rate = soundfile.read(io.BytesIO(body), dtype="float32")
    inputs = extractor(samples, sampling_rate=rate, return_tensors="pt")
    begun = time.perf_counter()
    with torch.inference_mode():
        scores = model(**inputs).logits[0].softmax(-1)
    with lock:
        computing["seconds"] += time.perf_counter() - begun
        computing["clips"] += 1
    best = scores.topk(min(5, len(scores)))
    return [
        {"label": model.config.id2label[int(i)], "score": float(score)}
        for score, i in zip(best.values, best.indices)
    ]


@app.post("/")
async def post_clip(request: fastapi.Request):
    return await run_in_threadpool(classify, await request.body())


@app.get("/livez")
async def livez():
    return {"status": "alive"}


@app.get("/computing")
async def get_computing():
    return computing


uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
