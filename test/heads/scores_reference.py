"""Writes scores_reference.json: optima of PyTorch, and measures of scikit-learn and NumPy.

Run it with PyTorch, scikit-learn and NumPy; the file says which versions it was made with.
"""
import json
from pathlib import Path

import numpy
import sklearn
import torch
from sklearn.metrics import f1_score, precision_recall_curve, roc_auc_score

torch.set_default_dtype(torch.float64)


def loss_of(logits, targets, kind):
    if kind == "softmax":
        return -(targets * torch.log_softmax(logits, 1)).sum()
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum")


def optimum(parameters, loss):
    step = torch.optim.LBFGS(parameters, max_iter=2000, tolerance_grad=1e-13, tolerance_change=1e-16,
                             line_search_fn="strong_wolfe", history_size=50)

    def closure():
        step.zero_grad()
        value = loss()
        value.backward()
        return value

    step.step(closure)
    return float(loss().detach())


def temperature_case(seed, count, classes, kind, sharpness):
    draw = numpy.random.default_rng(seed)
    if kind == "softmax":
        labels = draw.integers(classes, size=count)
        targets = numpy.eye(classes)[labels]
    else:
        targets = (draw.random((count, classes)) < 0.3).astype(float)
    logits = ((draw.normal(size=(count, classes)) + 1.2 * targets) * sharpness).round(4)
    z, q = torch.tensor(logits), torch.tensor(targets)
    log_temperature = torch.zeros(1, requires_grad=True)
    loss = optimum([log_temperature], lambda: loss_of(z * torch.exp(-log_temperature), q, kind))
    common = log_temperature.detach().clone()
    change = torch.zeros(classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    vector_loss = optimum([change, bias], lambda: loss_of(z * torch.exp(change - common) + bias, q, kind)
                          + 0.5 * (change ** 2).sum() + 0.5 * (bias ** 2).sum())
    return {
        "kind": kind, "logits": logits.tolist(), "targets": targets.tolist(),
        "temperature": float(torch.exp(common)), "loss": loss,
        "vector": {"temperature": torch.exp(common - change).tolist(), "bias": bias.tolist(), "loss": vector_loss},
    }


def quality_case(seed, count, bins):
    draw = numpy.random.default_rng(seed)
    confidences = draw.random(count).round(4)
    right = draw.random(count) < confidences ** 1.5
    order = numpy.argsort(confidences, kind="stable")
    error = 0.0
    for part in numpy.array_split(order, bins):
        error += len(part) / count * abs(confidences[part].mean() - right[part].mean())
    unknown, known = draw.normal(1, 1, 40).round(1), draw.normal(0, 1, 60).round(1)
    area = roc_auc_score(numpy.r_[numpy.ones(40), numpy.zeros(60)], numpy.r_[unknown, known])
    return {
        "confidences": confidences.tolist(), "right": right.tolist(), "bins": bins, "error": float(error),
        "unknown": unknown.tolist(), "known": known.tolist(), "auroc": float(area),
    }


def threshold_case(seed, count):
    draw = numpy.random.default_rng(seed)
    target = draw.random(count) < 0.4
    scores = numpy.clip(draw.normal(0.4 + 0.25 * target, 0.2), 0.001, 0.999).round(3)
    best = max(f1_score(target, scores >= limit) for limit in numpy.unique(scores))
    precision, recall, _ = precision_recall_curve(target, scores)
    return {
        "scores": scores.tolist(), "targets": target.astype(int).tolist(), "f1": float(best),
        "precision": 0.8, "recall": float(recall[:-1][precision[:-1] >= 0.8].max()),
    }


file = Path(__file__).with_suffix(".json")
file.write_text(json.dumps({
    "versions": {"sklearn": sklearn.__version__, "torch": torch.__version__, "numpy": numpy.__version__},
    "temperatures": [temperature_case(0, 40, 3, "softmax", 4.0), temperature_case(1, 30, 5, "softmax", 0.5),
                     temperature_case(2, 40, 3, "sigmoid", 3.0)],
    "qualities": [quality_case(3, 100, 15), quality_case(4, 47, 15)],
    "thresholds": [threshold_case(5, 60), threshold_case(6, 80)],
}) + "\n")
