#!/usr/bin/env python3
"""Loads model directories with transformers, and tells what it found as one JSON line for each.

    python load_saved.py DIRECTORY...

A directory holds a saved model, its extractor, and what the model is to score: `samples.json`, one
clip as a list of numbers, for the extractor; or `inputs.json`, with the `shape` and `values` of what
an extractor gives, frames before bands. The line has the keys that were missing, unexpected or
misshapen, what the extractor is, and the scores of the model.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import (
    AutoFeatureExtractor,
    AutoModelForAudioClassification,
    AutoModelForAudioFrameClassification,
    AutoModelForAudioXVector,
)
from transformers.utils import logging

# transformers has neither of its own: importing them makes them known.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import ced  # noqa: E402, F401
import efficientat  # noqa: E402, F401


def inputs_of(directory, extractor):
    path = Path(directory) / "inputs.json"
    if not path.exists():
        samples = json.loads((Path(directory) / "samples.json").read_text())
        return extractor(samples, sampling_rate=extractor.sampling_rate, return_tensors="pt")
    stored = json.loads(path.read_text())
    values = torch.tensor(stored["values"]).reshape(stored["shape"])
    name = extractor.model_input_names[0]
    bands_first = type(extractor).__name__ in (
        "CedFeatureExtractor",
        "EfficientATFeatureExtractor",
        "WhisperFeatureExtractor",
    )
    return {name: values.transpose(1, 2) if bands_first else values}


def class_for(directory):
    [name] = json.loads((Path(directory) / "config.json").read_text())["architectures"]
    if name.endswith("ForXVector"):
        return AutoModelForAudioXVector
    frames = name.endswith("ForAudioFrameClassification")
    return AutoModelForAudioFrameClassification if frames else AutoModelForAudioClassification


def load(directory):
    model, info = class_for(directory).from_pretrained(
        directory, output_loading_info=True, dtype=torch.float32
    )
    extractor = AutoFeatureExtractor.from_pretrained(directory)
    with torch.no_grad():
        scores = model.eval()(**inputs_of(directory, extractor)).logits[0]
    return {
        "class": type(model).__name__,
        "extractor": type(extractor).__name__,
        "labels": [model.config.id2label[i] for i in range(model.config.num_labels)],
        "keys": sorted(str(key) for kind in info.values() for key in kind),
        "samplingRate": extractor.sampling_rate,
        "scores": scores.flatten().tolist(),
    }


if __name__ == "__main__":
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    for directory in sys.argv[1:]:
        print(json.dumps(load(directory)))
