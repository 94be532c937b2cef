#!/usr/bin/env python3
"""Writes adapters as peft 0.21 does, for models of `test/golden`, and the scores that each gives.

Run it from the repository's root with PyTorch 2.13, transformers 5.18 and peft 0.21. Each case is a
directory as `save_pretrained` writes it, without its README.md, and `expected.json` with the logits
of the golden case's inputs, unmasked. Changes start away from zero, so that all of them are seen.

`make.py --check ADAPTER INPUTS` loads a directory that Earshot wrote on the base that it names, and
prints the logits.
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForAudioClassification
from transformers.utils import logging

HERE = Path(__file__).resolve().parent
GOLDEN = Path("test/golden")

CASES = {
    "wav2vec2-group": {
        "target_modules": ["q_proj", "v_proj"],
        "modules_to_save": ["projector", "classifier"],
    },
    "ast": {"target_modules": ["q_proj", "v_proj"], "modules_to_save": ["classifier"]},
    "whisper": {
        "target_modules": ["q_proj", "v_proj"],
        "modules_to_save": ["projector", "classifier"],
        "use_rslora": True,
    },
    "wav2vec2-conformer-relative": {
        "target_modules": ["linear_q", "linear_pos", "ffn1.intermediate_dense"],
        "modules_to_save": ["classifier"],
        "rank_pattern": {"linear_pos": 2},
        "alpha_pattern": {"layers.0.self_attn.linear_q": 3, "linear_pos": 5},
        "bias": "lora_only",
    },
    "sew-d": {"target_modules": "all-linear", "modules_to_save": ["projector"], "bias": "all"},
}


def scores(model, case):
    inputs = load_file(case / "inputs.safetensors")
    name = next(name for name in ("input_values", "input_features") if name in inputs)
    with torch.no_grad():
        return model.eval()(**{name: inputs[name]}).logits.tolist()


def make(name, settings):
    torch.manual_seed(len(name))
    base = AutoModelForAudioClassification.from_pretrained(GOLDEN / name)
    model = get_peft_model(base, LoraConfig(r=3, lora_alpha=7, lora_dropout=0.1, **settings))
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.add_(0.3 * torch.randn_like(parameter))
    directory = HERE / name
    model.save_pretrained(directory)
    (directory / "README.md").unlink(missing_ok=True)
    config = directory / "adapter_config.json"
    fields = json.loads(config.read_text())
    fields["base_model_name_or_path"] = str(GOLDEN / name)
    if isinstance(fields["target_modules"], list):
        fields["target_modules"].sort()
    config.write_text(json.dumps(fields, indent=2, sort_keys=True))
    expected = {"logits": scores(model, GOLDEN / name), "base": scores(base_of(name), GOLDEN / name)}
    (directory / "expected.json").write_text(json.dumps(expected) + "\n")
    difference = torch.tensor(expected["logits"]) - torch.tensor(expected["base"])
    print(name, "moved by", difference.abs().max().item())


def base_of(name):
    return AutoModelForAudioClassification.from_pretrained(GOLDEN / name)


def check(adapter, case):
    config = json.loads((Path(adapter) / "adapter_config.json").read_text())
    base = AutoModelForAudioClassification.from_pretrained(config["base_model_name_or_path"])
    print(json.dumps(scores(PeftModel.from_pretrained(base, adapter), Path(case))))


if __name__ == "__main__":
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--check"]:
        check(*sys.argv[2:])
    else:
        for name, settings in CASES.items():
            make(name, settings)
