#!/usr/bin/env python3
"""Loads model directories with transformers, and tells what it found as one JSON line for each.

    python load_saved.py DIRECTORY...

A directory holds a saved model, its extractor and `samples.json`, one clip as a list of numbers.
The line has the keys that were missing, unexpected or misshapen, what the extractor made of the
clip, and the scores of the model.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification
from transformers.utils import logging


def load(directory):
    model, info = AutoModelForAudioClassification.from_pretrained(
        directory, output_loading_info=True
    )
    extractor = AutoFeatureExtractor.from_pretrained(directory)
    samples = json.loads((Path(directory) / "samples.json").read_text())
    rate = extractor.sampling_rate
    inputs = extractor(samples, sampling_rate=rate, return_tensors="pt")
    with torch.no_grad():
        scores = model.eval()(**inputs).logits[0]
    return {
        "class": type(model).__name__,
        "labels": [model.config.id2label[i] for i in range(model.config.num_labels)],
        "keys": sorted(str(key) for kind in info.values() for key in kind),
        "samplingRate": rate,
        "scores": scores.tolist(),
    }


if __name__ == "__main__":
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    for directory in sys.argv[1:]:
        print(json.dumps(load(directory)))
