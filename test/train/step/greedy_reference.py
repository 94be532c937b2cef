"""Writes greedy_reference.json: the rates of transformers' GreedyLR after evaluations that came to these metrics.

    pip install torch==2.13.0 transformers==5.18.0 && python test/train/step/greedy_reference.py
"""

import json
import math
from pathlib import Path

import torch
import transformers
from transformers.optimization import GreedyLR

METRICS = [round(1 / (1 + n) + 0.3 * math.sin(n * n) * (n > 8) + 0.1 * max(0, n - 20), 4) for n in range(40)]
CASES = [
    {},
    {"patience": 2, "min_lr": 0.0},
    {"patience": 1, "factor": 0.5, "cooldown": 2, "warmup": 1, "min_lr": 0.05, "max_lr": 2.0},
    {"patience": 0, "mode": "max", "threshold": 0.1, "threshold_mode": "rel", "factor": 0.7, "max_lr": 0.8},
    {"patience": 1, "smooth": True, "window_size": 4, "factor": 0.8, "min_lr": 0.3},
    {"patience": 0, "factor": 0.5, "min_lr": 0.2, "reset_start": 3, "smooth": True, "cooldown": 1},
    {"patience": 0, "factor": 0.9, "eps": 0.06, "min_lr": 0.1},
]


def rates(kwargs):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    schedule = GreedyLR(optimizer, **kwargs)
    found = []
    for metric in METRICS:
        schedule.step(metric)
        found.append(optimizer.param_groups[0]["lr"])
    return found


content = {
    "source": f"transformers.optimization.GreedyLR {transformers.__version__}",
    "peak": 0.5,
    "metrics": METRICS,
    "cases": [{"kwargs": kwargs, "rates": rates(kwargs)} for kwargs in CASES],
}
Path(__file__).with_suffix(".json").write_text(json.dumps(content, indent=2) + "\n")
