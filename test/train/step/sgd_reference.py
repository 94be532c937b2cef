"""Writes sgd_reference.json: five steps of torch.optim.SGD with the clipping of transformers' Trainer.

    pip install torch==2.13.0 && python test/train/step/sgd_reference.py
"""

import json
from pathlib import Path

import torch

CASES = [
    {"weightDecay": 0.0, "maxGradNorm": 0.0, "own": {}},
    {"weightDecay": 0.1, "maxGradNorm": 1.0, "own": {}},
    {"weightDecay": 0.1, "maxGradNorm": 1.0, "own": {"momentum": 0.9}},
    {"weightDecay": 0.1, "maxGradNorm": 0.0, "own": {"momentum": 0.9, "dampening": 0.3}},
    {"weightDecay": 0.0, "maxGradNorm": 1.0, "own": {"momentum": 0.8, "nesterov": True}},
]
GRADIENTS = [
    {"w.weight": [0.5 + step, -1.25, 0.75 * step], "w.bias": [0.25, -2.0 + step]} for step in range(5)
]


def steps(case):
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
    bias = torch.nn.Parameter(torch.tensor([0.5, -0.25]))
    groups = [
        {"params": [weight], "weight_decay": case["weightDecay"]},
        {"params": [bias], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=0.1, **case["own"])
    for gradients in GRADIENTS:
        weight.grad = torch.tensor(gradients["w.weight"])
        bias.grad = torch.tensor(gradients["w.bias"])
        if case["maxGradNorm"] > 0:
            torch.nn.utils.clip_grad_norm_([weight, bias], case["maxGradNorm"])
        optimizer.step()
    return {"w.weight": weight.tolist(), "w.bias": bias.tolist()}


content = {
    "source": f"torch.optim.SGD of PyTorch {torch.__version__.split('+')[0]}",
    "gradients": GRADIENTS,
    "cases": [{**case, "parameters": steps(case)} for case in CASES],
}
Path(__file__).with_suffix(".json").write_text(json.dumps(content, indent=2) + "\n")
