#!/usr/bin/env python3
"""Writes the golden cases beside this file: tiny wav2vec2 models, fed with noise.

Run it with PyTorch 2.13 and transformers 5.18 (`python make.py`); the seeds are fixed. A case is
a model directory with `inputs.safetensors`, `expected.safetensors` and `meta.json`, in the form
that `src/commands/_golden_case.ts` reads.

No weight is idle: for each parameter the script undoes what makes it special (a norm's weight
becomes 1, a bias 0, a matrix grows by a fifth) and refuses the case unless the scores move
visibly. What cannot move them is listed in `meta.json`.
"""

import copy
import json
import shutil
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    Trainer,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForSequenceClassification,
)

HERE = Path(__file__).resolve().parent

OPTIMIZER = {
    "name": "AdamW",
    "lr": 1e-3,
    "betas": [0.9, 0.999],
    "eps": 1e-8,
    "weight_decay": 0.01,
    "max_grad_norm": 1.0,
    "steps": 3,
}

# The least that the scores must move when a parameter is spoiled: six times the parity limit.
VISIBLE = 3e-4

SIZES = {
    "conv_dim": [6, 8, 10],
    "conv_kernel": [10, 4, 3],
    "conv_stride": [5, 4, 2],
    "num_feat_extract_layers": 3,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 20,
    "num_conv_pos_embeddings": 6,
    "num_conv_pos_embedding_groups": 4,
    "classifier_proj_size": 12,
    "id2label": {0: "low", 1: "middle", 2: "high"},
    "label2id": {"low": 0, "middle": 1, "high": 2},
}

CASES = {
    "wav2vec2-group": {
        "seed": 11,
        "lengths": [1800, 2600],
        "labels": [2, 0],
        "mask": False,
        "config": {"feat_extract_norm": "group", "conv_bias": False},
    },
    "wav2vec2-layer-weighted-adapter": {
        "seed": 12,
        "lengths": [2300, 1500, 1901],
        "labels": [1, 2, 0],
        "mask": True,
        "config": {
            "feat_extract_norm": "layer",
            "conv_bias": True,
            "do_stable_layer_norm": True,
            "use_weighted_layer_sum": True,
            "adapter_attn_dim": 6,
        },
    },
}


def draw_weights(model, generator):
    """Gives each parameter values of a size at which it matters."""
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        even = torch.rand(parameter.shape, generator=generator)
        if name.endswith("norm.weight") or name.endswith("original0"):
            values = 0.5 + even
        elif name == "layer_weights":
            values = noise
        elif parameter.dim() == 1:
            values = even - 0.5
        else:
            sharp = 1.6 if "q_proj" in name or "k_proj" in name else 1.0
            values = sharp * noise / parameter[0].numel() ** 0.5
        parameter.data.copy_(values)


def draw_inputs(case, extractor, generator):
    """Noise whose loudness rises and falls, as the extractor normalises and pads it."""
    clips = []
    for length in case["lengths"]:
        swell = 1 + torch.sin(torch.arange(length) / 150)
        clips.append((torch.randn(length, generator=generator) * swell).numpy())
    batch = extractor(clips, sampling_rate=16_000, padding=True, return_tensors="pt")
    inputs = {"input_values": batch.input_values, "labels": torch.tensor(case["labels"])}
    if case["mask"]:
        inputs["attention_mask"] = batch.attention_mask
    return inputs


def forward(model, inputs):
    """The model's own output, with the states that it keeps to itself."""
    kept = {}
    hooks = [
        model.wav2vec2.register_forward_hook(lambda _m, _i, out: kept.update(base=out)),
        model.classifier.register_forward_pre_hook(lambda _m, args: kept.update(pooled=args[0])),
        model.wav2vec2.feature_extractor.register_forward_hook(
            lambda _m, _i, out: kept.update(conv_features=out)
        ),
    ]
    output = model(**inputs, output_hidden_states=True)
    for hook in hooks:
        hook.remove()
    return output, kept


def head(model, states, frames):
    """Scores of a weighted sum of states, spelled out."""
    weights = model.layer_weights.softmax(0)
    summed = sum(weight * state for weight, state in zip(weights, states))
    pooled = [model.projector(row[:count]).mean(0) for row, count in zip(summed, frames)]
    return model.classifier(torch.stack(pooled))


def expected_states(model, inputs, lengths):
    with torch.no_grad():
        output, kept = forward(model, inputs)
        found = {
            "logits": output.logits,
            "loss": output.loss,
            "pooled": kept["pooled"],
            "conv_features": kept["conv_features"],
            "last_hidden_state": kept["base"].last_hidden_state,
        }
        for i, state in enumerate(output.hidden_states):
            found[f"hidden_states.{i}"] = state
        alone = [
            model(inputs["input_values"][i : i + 1, :length]).logits
            for i, length in enumerate(lengths)
        ]
        found["single.logits"] = torch.cat(alone)
        if model.config.use_weighted_layer_sum:
            frames = model._get_feat_extract_output_lengths(torch.tensor(lengths)).tolist()
            here = head(model, output.hidden_states, frames)
            assert torch.allclose(here, output.logits, atol=1e-5), "the head is spelled wrong"
            before = [*output.hidden_states[:-1], kept["base"].last_hidden_state]
            found["tied.logits"] = head(model, before, frames)
        return found


def expected_gradients(model, inputs):
    model.zero_grad(set_to_none=True)
    model(**inputs).loss.backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def expected_steps(model, inputs):
    """Losses, gradient norms and final scores of a few optimiser steps; the model is changed."""
    decaying = set(Trainer.get_decay_parameter_names(None, model))
    groups = [
        {"params": [p for n, p in model.named_parameters() if n in decaying]},
        {"params": [p for n, p in model.named_parameters() if n not in decaying], "weight_decay": 0},
    ]
    settings = {key: OPTIMIZER[key] for key in ("lr", "betas", "eps", "weight_decay")}
    optimizer = torch.optim.AdamW(groups, **settings)
    found = {}
    for step in range(OPTIMIZER["steps"]):
        optimizer.zero_grad(set_to_none=True)
        loss = model(**inputs).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), OPTIMIZER["max_grad_norm"])
        optimizer.step()
        found[f"step3.loss.{step}"] = loss.detach()
        found[f"step3.grad_norm.{step}"] = norm
    with torch.no_grad():
        found["step3.logits"] = model(**inputs).logits
    return found


def spoiled(name, values):
    if name.endswith("norm.weight"):
        return torch.ones_like(values)
    if name.endswith("bias"):
        return torch.zeros_like(values)
    if name == "layer_weights":
        return torch.zeros_like(values)
    return values * (1 + 0.2 * torch.sin(torch.arange(values.numel())).reshape(values.shape))


def check_each_weight(model, inputs, logits, idle):
    for name, parameter in model.named_parameters():
        if name in idle:
            continue
        kept = parameter.data
        parameter.data = spoiled(name, kept)
        with torch.no_grad():
            moved = (model(**inputs).logits - logits).abs().max().item()
        parameter.data = kept
        if moved < VISIBLE:
            sys.exit(f"{name} hardly matters: spoiling it moves the scores by {moved:.1e}")


def all_expected(model, inputs, lengths):
    found = expected_states(model, inputs, lengths)
    gradients = expected_gradients(model, inputs)
    for name, gradient in gradients.items():
        values = torch.zeros_like(model.get_parameter(name)) if gradient is None else gradient
        found[f"grad.{name}"] = values
    found.update(expected_steps(copy.deepcopy(model), inputs))
    return found, [name for name, gradient in gradients.items() if gradient is None]


def rounding_noise(found, exact):
    """How far float32 is from float64, for the quantities whose limits depend on it."""
    noise = {}
    for quantity in ("logits", "loss", "step3.loss", "step3.logits"):
        names = [n for n in found if n == quantity or n.startswith(quantity + ".")]
        gaps = [(found[n].double() - exact[n]).abs().max().item() for n in names]
        noise[quantity] = max(gaps)
    return noise


def plain(tensors):
    return {name: values.detach().clone().contiguous() for name, values in sorted(tensors.items())}


def write_json(path, content):
    path.write_text(json.dumps(content, indent=2) + "\n")


def make(name, case):
    generator = torch.Generator().manual_seed(case["seed"])
    config = Wav2Vec2Config(**SIZES, **case["config"])
    model = Wav2Vec2ForSequenceClassification._from_config(config, attn_implementation="eager")
    model.eval()
    draw_weights(model, generator)
    extractor = Wav2Vec2FeatureExtractor(return_attention_mask=case["mask"])
    inputs = draw_inputs(case, extractor, generator)
    found, no_gradient = all_expected(model, inputs, case["lengths"])
    key_biases = [n for n, _ in model.named_parameters() if n.endswith("k_proj.bias")]
    check_each_weight(model, inputs, found["logits"], {*no_gradient, *key_biases})

    doubled = {k: v.double() if v.is_floating_point() else v for k, v in inputs.items()}
    exact, _ = all_expected(copy.deepcopy(model).double(), doubled, case["lengths"])

    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory)
    extractor.save_pretrained(directory)
    stored = {k: v.int() if k != "input_values" else v for k, v in inputs.items()}
    save_file(plain(stored), directory / "inputs.safetensors")
    save_file(plain(found), directory / "expected.safetensors")
    write_json(
        directory / "meta.json",
        {
            "case": name,
            "seed": case["seed"],
            "lengths": case["lengths"],
            "frozen_by": None,
            "grad_none": no_gradient,
            "grad_zero_by_theory": key_biases,
            "optimizer": OPTIMIZER,
            "float32_minus_float64": rounding_noise(found, exact),
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        },
    )
    for file in directory.iterdir():
        file.chmod(0o644)
        if file.suffix == ".json":
            file.write_text(file.read_text().rstrip("\n") + "\n")
    size = sum(file.stat().st_size for file in directory.iterdir())
    print(f"{name}: {size // 1024} KB, scores {found['logits'].flatten().tolist()}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name, case in CASES.items():
        make(name, case)
