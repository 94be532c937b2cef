#!/usr/bin/env python3
"""Writes the golden cases of `cases.py`: tiny models of every architecture, fed with noise.

Run it with PyTorch 2.13 and transformers 5.18: `python make.py` makes the cases that are absent,
`python make.py NAME ...` these again. The seeds are fixed; another processor may round the last
bits of the expected numbers otherwise. A case is a model directory with `inputs.safetensors`,
`expected.safetensors` and `meta.json`, in the form that `src/commands/_golden_case.ts` reads.
`defaults.json` holds what each architecture's config says where its file is silent, and
`beginnings.json` how its parameters start: mean, deviation and largest value of each.

No weight is idle: for each parameter the script undoes what makes it special (a norm's weight
becomes 1, a bias 0, a matrix grows by a fifth) and refuses the case unless the scores move
visibly. What cannot move them is listed in `meta.json`. Norms show their epsilon in the same way:
"quiet" names the matrices whose outputs are so small that twice the epsilon is seen.
"""

import copy
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    AutoModelForAudioClassification,
    SeamlessM4TFeatureExtractor,
    Trainer,
    Wav2Vec2BertConfig,
    Wav2Vec2FeatureExtractor,
    WhisperConfig,
    WhisperFeatureExtractor,
)

from cases import BEGINNINGS, CASES
from ced import CedConfig, CedFeatureExtractor
from efficientat import EfficientATConfig, EfficientATFeatureExtractor

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

# The least that scores, or states, must move when something is spoiled: several times the limits.
VISIBLE = 3e-4
VISIBLE_STATES = 2e-3

# What "quiet" matrices are scaled by.
QUIET = 1 / 64

# How far from 0 the levels of spectrograms in decibels are.
DECIBELS = 8

# A gradient that is zero in theory is below this share of the largest one, in double precision:
# some models take the softmax in single precision even then.
NO_GRADIENT = 1e-6

NORMS = (torch.nn.LayerNorm, torch.nn.GroupNorm, torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)
SHARP = (
    *("q_proj", "k_proj", "query", "key", "linear_q", "linear_k"),
    *("linear_pos", "gru_rel_pos_linear", "qkv"),
)
EMBEDDINGS = ("time_pos_embed", "freq_pos_embed", "_token", "position_embeddings", "distance_embedding.weight", "pos_bias_u", "pos_bias_v", "rel_attn_embed.weight")


def norm_weights(model):
    return {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, NORMS)}


def draw_weights(model, case, generator):
    """Gives each parameter values of a size at which it matters."""
    gains = norm_weights(model)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        even = torch.rand(parameter.shape, generator=generator)
        if name.endswith("embed_positions.weight"):
            values = parameter.data  # Whisper's sines, which are not drawn
        elif name in gains or name.endswith(("original0", "gru_rel_pos_const")):
            values = 0.5 + even
        elif name == "layer_weights" or name.endswith(EMBEDDINGS):
            values = noise if name == "layer_weights" else 2 * noise
        elif parameter.dim() == 1:
            values = even - 0.5
        else:
            is_sharp = any(part in name for part in SHARP)
            factor = case.get("sharp", 1.6) if is_sharp else case.get("strong", 1.0)
            values = factor * noise / parameter[0].numel() ** 0.5
        is_quiet = "quiet" in case and re.search(case["quiet"], name)
        parameter.data.copy_(values * QUIET if is_quiet else values)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            draw_statistics(module, generator, QUIET)
        if isinstance(module, torch.nn.BatchNorm2d):
            draw_statistics(module, generator, case.get("statistics", DECIBELS))


def draw_statistics(norm, generator, size):
    """Running statistics of inputs of a size."""
    shape = norm.running_mean.shape
    norm.running_mean.copy_(size * 0.3 * torch.randn(shape, generator=generator))
    norm.running_var.copy_(size**2 * (0.5 + torch.rand(shape, generator=generator)))
    norm.num_batches_tracked.fill_(3)


def feature_extractor(case):
    config = case["config"]
    if isinstance(config, ASTConfig):
        return ASTFeatureExtractor(max_length=config.max_length, num_mel_bins=config.num_mel_bins)
    if isinstance(config, WhisperConfig):
        seconds = config.max_source_positions // 50
        return WhisperFeatureExtractor(feature_size=config.num_mel_bins, chunk_length=seconds)
    if isinstance(config, CedConfig):
        return CedFeatureExtractor(feature_size=config.n_mels, return_attention_mask=False)
    if isinstance(config, EfficientATConfig):
        return EfficientATFeatureExtractor(
            feature_size=config.input_dim_f, sampling_rate=16_000, return_attention_mask=False
        )
    if isinstance(config, Wav2Vec2BertConfig):
        bands = config.feature_projection_input_dim // case["stride"]
        return SeamlessM4TFeatureExtractor(
            num_mel_bins=bands,
            feature_size=bands,
            stride=case["stride"],
            return_attention_mask=case["mask"],
        )
    return Wav2Vec2FeatureExtractor(return_attention_mask=case["mask"])


def draw_inputs(case, extractor, generator):
    """Noise whose loudness rises and falls, and what the extractor makes of it."""
    clips = []
    gains = case.get("gains", [1] * len(case["lengths"]))
    for length, gain in zip(case["lengths"], gains):
        swell = gain * (1 + torch.sin(torch.arange(length) / 150))
        clips.append((torch.randn(length, generator=generator) * swell).numpy())
    padding = "max_length" if isinstance(case["config"], WhisperConfig) else True
    batch = extractor(clips, sampling_rate=16_000, padding=padding, return_tensors="pt")
    inputs = {name: values for name, values in batch.items() if name != "attention_mask"}
    inputs["labels"] = torch.tensor(case["labels"])
    if case["mask"]:
        inputs["attention_mask"] = batch.attention_mask
    return inputs, clips


def draw_singles(extractor, clips):
    """Each clip alone, as a single call of a model that takes any length sees it."""
    if not isinstance(extractor, Wav2Vec2FeatureExtractor):
        return []
    options = {"sampling_rate": 16_000, "return_attention_mask": False, "return_tensors": "pt"}
    return [extractor([clip], **options).input_values for clip in clips]


def forward(model, inputs):
    """The model's own output, with the states that it keeps to itself."""
    kept = {}
    base = model.encoder if model.config.model_type == "whisper" else model.base_model
    seer = getattr(model, "last_layer", model.classifier)
    hooks = [
        base.register_forward_hook(lambda _m, _i, out: kept.update(base=out)),
        seer.register_forward_pre_hook(lambda _m, args: kept.update(pooled=args[0])),
    ]
    if hasattr(base, "feature_extractor"):
        hooks.append(
            base.feature_extractor.register_forward_hook(
                lambda _m, _i, out: kept.update(conv_features=out)
            )
        )
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


def tied_scores(model, output, last, frames):
    """Scores of a weighted sum that sees the last state after the final norm, as in version 4."""
    frames = frames.clamp(max=last.shape[1]).tolist()
    here = head(model, output.hidden_states, frames)
    assert torch.allclose(here, output.logits, atol=1e-5), "the head is spelled wrong"
    return head(model, [*output.hidden_states[:-1], last], frames)


def expected_states(model, inputs, singles, lengths):
    with torch.no_grad():
        output, kept = forward(model, inputs)
        last = kept["base"].last_hidden_state if "base" in kept else output.hidden_states[-1]
        found = {
            "logits": output.logits,
            "loss": output.loss,
            "pooled": kept["pooled"],
            "last_hidden_state": last,
        }
        for i, state in enumerate(output.hidden_states):
            found[f"hidden_states.{i}"] = state
        if "conv_features" not in kept:
            return found
        found["conv_features"] = kept["conv_features"]
        found["single.logits"] = torch.cat([model(single).logits for single in singles])
        same_frames = last.shape == output.hidden_states[-1].shape
        if getattr(model.config, "use_weighted_layer_sum", False) and same_frames:
            masked = "attention_mask" in inputs
            counted = lengths if masked else [inputs["input_values"].shape[1]] * len(lengths)
            frames = model._get_feat_extract_output_lengths(torch.tensor(counted))
            found["tied.logits"] = tied_scores(model, output, last, frames)
        return found


def expected_gradients(model, inputs):
    model.zero_grad(set_to_none=True)
    model(**inputs).loss.backward()
    return {name: p.grad for name, p in model.named_parameters() if p.requires_grad}


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


def spoiled(name, values, is_gain):
    if is_gain:
        return torch.ones_like(values)
    if name.endswith("bias"):
        return torch.zeros_like(values)
    if name == "layer_weights":
        return torch.zeros_like(values)
    return values * (1 + 0.2 * torch.sin(torch.arange(values.numel())).reshape(values.shape))


def largest_change(model, inputs, found):
    """Of the scores, and of any hidden state."""
    with torch.no_grad():
        output = model(**inputs, output_hidden_states=True)
    scores = (output.logits - found["logits"]).abs().max().item()
    pairs = enumerate(output.hidden_states)
    states = [(state - found[f"hidden_states.{i}"]).abs().max().item() for i, state in pairs]
    return scores, max(states)


def check_each_weight(model, inputs, found, idle):
    gains = norm_weights(model)
    for name, parameter in model.named_parameters():
        if name in idle:
            continue
        kept = parameter.data
        parameter.data = spoiled(name, kept, name in gains)
        scores, _ = largest_change(model, inputs, found)
        parameter.data = kept
        if scores < VISIBLE:
            sys.exit(f"{name} hardly matters: spoiling it moves the scores by {scores:.1e}")


def check_each_epsilon(model, inputs, found, idle):
    for name, module in model.named_modules():
        if not isinstance(module, NORMS) or f"{name}.weight" in idle:
            continue
        module.eps *= 2
        scores, states = largest_change(model, inputs, found)
        module.eps /= 2
        if scores < VISIBLE and states < VISIBLE_STATES:
            moved = f"scores by {scores:.1e}, states by {states:.1e}"
            sys.exit(f"{name} hides its epsilon: it moves {moved}")


def all_expected(model, inputs, singles, lengths):
    found = expected_states(model, inputs, singles, lengths)
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


def zero_gradients(exact, no_gradient):
    """Parameters that shift all scores of a row of attention alike, such as a key's bias."""
    sizes = {n[5:]: v.abs().max().item() for n, v in exact.items() if n.startswith("grad.")}
    least = NO_GRADIENT * max(sizes.values())
    return [name for name, size in sizes.items() if size < least and name not in no_gradient]


def stored_names(model, directory):
    """Names of parameters as the file has them; those of AST differ from the modules'."""
    stored = load_file(directory / "model.safetensors")
    own = model.state_dict()
    if own.keys() == stored.keys():
        return {name: name for name in own}
    same = lambda a, b: a.shape == b.shape and torch.equal(a, b)  # noqa: E731
    return {
        name: next(n for n, other in stored.items() if same(values, other))
        for name, values in own.items()
    }


def plain(tensors):
    return {name: values.detach().clone().contiguous() for name, values in sorted(tensors.items())}


def write_json(path, content):
    path.write_text(json.dumps(content, indent=2) + "\n")


def make(name, case):
    generator = torch.Generator().manual_seed(case["seed"])
    case["config"].transformers_version = transformers.__version__
    model = AutoModelForAudioClassification.from_config(case["config"], attn_implementation="eager")
    model.eval()
    draw_weights(model, case, generator)
    extractor = feature_extractor(case)
    inputs, clips = draw_inputs(case, extractor, generator)
    singles = draw_singles(extractor, clips)
    pristine = copy.deepcopy(model)
    found, no_gradient = all_expected(model, inputs, singles, case["lengths"])
    doubled = {k: v.double() if v.is_floating_point() else v for k, v in inputs.items()}
    singles = [single.double() for single in singles]
    exact, _ = all_expected(pristine.double(), doubled, singles, case["lengths"])
    no_effect = zero_gradients(exact, no_gradient)
    idle = {*no_gradient, *no_effect}
    check_each_weight(model, inputs, found, idle)
    if "gains" in case and not case.get("loud"):
        check_each_epsilon(model, inputs, found, idle)

    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory)
    extractor.save_pretrained(directory)
    names = stored_names(model, directory)
    renamed = {f"grad.{own}": f"grad.{there}" for own, there in names.items()}
    found = {renamed.get(key, key): values for key, values in found.items()}
    if isinstance(case["config"], (CedConfig, EfficientATConfig)):
        inputs["input_values"] = inputs["input_values"].transpose(1, 2)
    stored = {k: v if v.is_floating_point() else v.int() for k, v in inputs.items()}
    if "gains" in case:
        stored["samples"] = torch.cat([torch.from_numpy(clip) for clip in clips])
    save_file(plain(stored), directory / "inputs.safetensors")
    save_file(plain(found), directory / "expected.safetensors")
    write_json(
        directory / "meta.json",
        {
            "case": name,
            "seed": case["seed"],
            "lengths": case["lengths"],
            "frozen_by": None,
            "grad_none": [names[n] for n in no_gradient],
            "grad_zero_by_theory": [names[n] for n in no_effect],
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


def write_defaults():
    """The fields of each architecture's config, as transformers sets them where a file has none."""
    kinds = {type(case["config"]) for case in CASES.values()}
    common = transformers.PreTrainedConfig().to_dict().keys() - {"model_type"}
    fields = {
        kind.model_type: {key: value for key, value in kind().to_dict().items() if key not in common}
        for kind in sorted(kinds, key=lambda kind: kind.model_type)
    }
    write_json(HERE / "defaults.json", fields)


def write_beginnings():
    """How each kind of parameter starts, in a model drawn once."""
    found = {}
    for name, config in BEGINNINGS.items():
        torch.manual_seed(1)
        model = AutoModelForAudioClassification.from_config(config)
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            tensors = load_file(Path(folder) / "model.safetensors")
            fields = json.loads((Path(folder) / "config.json").read_text())
        sizes = {key: describe(values.double()) for key, values in sorted(tensors.items())}
        found[name] = {"config": fields, "parameters": sizes}
    write_json(HERE / "beginnings.json", found)


def describe(values):
    numbers = values.mean(), values.std(correction=0), values.abs().max()
    return " ".join(f"{number.item():.6g}" for number in numbers)


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()
    wanted = sys.argv[1:] or [name for name in CASES if not (HERE / name).exists()]
    for wanted_name in wanted:
        make(wanted_name, CASES[wanted_name])
    write_defaults()
    write_beginnings()
