"""Writes adafactor_reference.json: five steps of transformers' Adafactor, clipped as its Trainer does.

    pip install torch==2.13.0 transformers==5.18.0 && python test/train/step/adafactor_reference.py
"""

import json
from pathlib import Path

import torch
import transformers
from transformers.optimization import Adafactor

PLAIN = {"scale_parameter": False, "relative_step": False}
CASES = [
    {"weightDecay": 0.0, "maxGradNorm": 0.0, "optimArgs": "", "own": PLAIN},
    {"weightDecay": 0.1, "maxGradNorm": 1.0, "optimArgs": "", "own": PLAIN},
    {
        "weightDecay": 0.1,
        "maxGradNorm": 1.0,
        "optimArgs": "scale_parameter=true,beta1=0.9,decay_rate=-0.5,clip_threshold=0.5",
        "own": {**PLAIN, "scale_parameter": True, "beta1": 0.9, "decay_rate": -0.5, "clip_threshold": 0.5},
    },
    {
        "weightDecay": 0.0,
        "maxGradNorm": 0.0,
        "optimArgs": "scale_parameter=true,relative_step=true,eps=(1e-8,3)",
        "own": {"scale_parameter": True, "relative_step": True, "eps": (1e-8, 3.0)},
    },
    {
        "weightDecay": 0.0,
        "maxGradNorm": 1.0,
        "optimArgs": "relative_step=true,warmup_init=true",
        "own": {"scale_parameter": False, "relative_step": True, "warmup_init": True},
    },
]
STARTS = {
    "w.weight": [[1.0, -2.0, 3.0], [0.5, 0.25, -0.125]],
    "conv.weight": [[[0.5, -1.0], [2.0, 0.0]], [[0.25, 1.5], [-0.75, 1.0]], [[0.1, 0.2], [0.3, -0.4]]],
    "w.bias": [0.5, -0.25],
}


def gradients_of(step):
    return {
        "w.weight": [[0.5 + step, -1.25, 0.75 * step], [0.01, 0.0, -0.5 + 0.25 * step]],
        "conv.weight": [
            [[0.3, -0.2 * step], [0.1, 0.7]],
            [[-0.6, 0.05], [0.0, 0.02 * step]],
            [[1.0, 2.0 - step], [0.4, -0.3]],
        ],
        "w.bias": [0.25, -2.0 + step],
    }


GRADIENTS = [gradients_of(step) for step in range(5)]


def steps(case):
    parameters = {name: torch.nn.Parameter(torch.tensor(start)) for name, start in STARTS.items()}
    groups = [
        {"params": [p for n, p in parameters.items() if "bias" not in n], "weight_decay": case["weightDecay"]},
        {"params": [parameters["w.bias"]], "weight_decay": 0.0},
    ]
    rate = None if case["own"]["relative_step"] else 0.1
    optimizer = Adafactor(groups, lr=rate, **case["own"])
    for gradients in GRADIENTS:
        for name, gradient in gradients.items():
            parameters[name].grad = torch.tensor(gradient)
        if case["maxGradNorm"] > 0:
            torch.nn.utils.clip_grad_norm_(parameters.values(), case["maxGradNorm"])
        optimizer.step()
    return {name: parameter.tolist() for name, parameter in parameters.items()}


keys = ("weightDecay", "maxGradNorm", "optimArgs")
content = {
    "source": f"transformers.optimization.Adafactor {transformers.__version__}",
    "starts": STARTS,
    "gradients": GRADIENTS,
    "cases": [{**{key: case[key] for key in keys}, "parameters": steps(case)} for case in CASES],
}
Path(__file__).with_suffix(".json").write_text(json.dumps(content, indent=2) + "\n")
