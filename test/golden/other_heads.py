#!/usr/bin/env python3
"""Writes the cases of `other_heads/`: tiny models whose heads do not classify clips, fed with noise.

Run it as `make.py`, beside which it stands: each class of transformers that gives vectors of
speakers or scores of frames has a case. A case is a model directory with `case.safetensors`:
`inputs` and their `attention_mask`, what the model gives for them ("logits", "embeddings",
"cosines" times 30, which are the scores of the speakers), and what it gives for each clip alone
(`single.0.…`). As there, no weight is idle: one that is spoiled moves the outputs visibly.
"""

import copy
import shutil
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    Data2VecAudioConfig,
    UniSpeechSatConfig,
    Wav2Vec2BertConfig,
    Wav2Vec2Config,
    Wav2Vec2ConformerConfig,
    Wav2Vec2FeatureExtractor,
    WavLMConfig,
)

import make
from cases import GROUP, LAYER, MASKED, MASKED_PAIRS, PAIRS, SPEECH, STABLE, UNMASKED

HERE = make.HERE / "other_heads"

DEEP = {
    "tdnn_dim": [6, 10, 7],
    "tdnn_kernel": [3, 3, 1],
    "tdnn_dilation": [1, 2, 1],
    "xvector_output_dim": 9,
}
FLAT = {"tdnn_dim": [8, 5], "tdnn_kernel": [2, 3], "tdnn_dilation": [1, 1], "xvector_output_dim": 6}
WIDE = {"tdnn_dim": [5], "tdnn_kernel": [4], "tdnn_dilation": [3], "xvector_output_dim": 4}
WEIGHTED = {"use_weighted_layer_sum": True}

CASES = {
    "wav2vec2-xvector": {**UNMASKED, "config": Wav2Vec2Config(**SPEECH, **GROUP, **DEEP)},
    "wav2vec2-frames": {**MASKED, "config": Wav2Vec2Config(**SPEECH, **STABLE, **WEIGHTED)},
    "wavlm-xvector": {
        **MASKED,
        "config": WavLMConfig(
            **SPEECH, **STABLE, **DEEP, **WEIGHTED, num_buckets=16, max_bucket_distance=60
        ),
    },
    "wavlm-frames": {
        **UNMASKED,
        "config": WavLMConfig(**SPEECH, **GROUP, num_buckets=15, max_bucket_distance=25),
    },
    "unispeech-sat-xvector": {**MASKED, "config": UniSpeechSatConfig(**SPEECH, **STABLE, **FLAT)},
    "unispeech-sat-frames": {**UNMASKED, "config": UniSpeechSatConfig(**SPEECH, **GROUP, **WEIGHTED)},
    "data2vec-audio-xvector": {
        **MASKED,
        "config": Data2VecAudioConfig(
            **{**SPEECH, "num_conv_pos_embeddings": 2}, conv_pos_kernel_size=5, **WIDE, **WEIGHTED
        ),
    },
    "data2vec-audio-frames": {
        **MASKED,
        "config": Data2VecAudioConfig(
            **{**SPEECH, "num_conv_pos_embeddings": 2}, conv_pos_kernel_size=5
        ),
    },
    "wav2vec2-conformer-xvector": {
        **UNMASKED,
        "config": Wav2Vec2ConformerConfig(
            **SPEECH, **LAYER, **WIDE, **WEIGHTED, conv_depthwise_kernel_size=3
        ),
    },
    "wav2vec2-conformer-frames": {
        **MASKED,
        "config": Wav2Vec2ConformerConfig(
            **SPEECH, **LAYER, position_embeddings_type="rotary", conv_depthwise_kernel_size=3
        ),
    },
    "wav2vec2-bert-xvector": {
        **MASKED_PAIRS,
        "stride": 2,
        "config": Wav2Vec2BertConfig(
            **PAIRS, **FLAT, left_max_position_embeddings=3, right_max_position_embeddings=2
        ),
    },
    "wav2vec2-bert-frames": {
        **MASKED_PAIRS,
        "stride": 2,
        "config": Wav2Vec2BertConfig(**PAIRS, **WEIGHTED, position_embeddings_type="relative"),
    },
}

PREFIXES = {
    Data2VecAudioConfig: "Data2VecAudio",
    UniSpeechSatConfig: "UniSpeechSat",
    Wav2Vec2BertConfig: "Wav2Vec2Bert",
    Wav2Vec2Config: "Wav2Vec2",
    Wav2Vec2ConformerConfig: "Wav2Vec2Conformer",
    WavLMConfig: "WavLM",
}


def model_of(name, config):
    suffix = "ForXVector" if name.endswith("xvector") else "ForAudioFrameClassification"
    config._attn_implementation = "eager"
    return getattr(transformers, PREFIXES[type(config)] + suffix)(config).eval()


def outputs(model, inputs):
    with torch.no_grad():
        output = model(**inputs)
        found = {"logits": output.logits}
        if "embeddings" in output:
            found["embeddings"] = output.embeddings
            seen = torch.nn.functional.normalize(output.logits, dim=1)
            directions = torch.nn.functional.normalize(model.objective.weight, dim=0)
            found["cosines"] = model.objective.scale * seen @ directions
    return found


def check_each_weight(model, inputs, found):
    # The mask of training, what softmax cancels, what Conformers never use, and what a weighted sum leaves out.
    idle = ["masked_spec_embed", "k_proj.bias", "linear_k.bias"]
    idle += ["pos_conv_embed"] if "conformer" in model.base_model_prefix else []
    idle += ["encoder.layer_norm"] if model.config.use_weighted_layer_sum else []
    gains = make.norm_weights(model)
    for name, parameter in model.named_parameters():
        if any(part in name for part in idle):
            continue
        kept = parameter.data
        parameter.data = make.spoiled(name, kept, name in gains)
        moved = max((v - found[k]).abs().max().item() for k, v in outputs(model, inputs).items())
        parameter.data = kept
        if moved < make.VISIBLE:
            sys.exit(f"{name} hardly matters: spoiling it moves the outputs by {moved:.1e}")


def write(name, case, seed):
    generator = torch.Generator().manual_seed(seed)
    case["config"].transformers_version = transformers.__version__
    torch.manual_seed(seed)
    model = model_of(name, case["config"])
    make.draw_weights(model, case, generator)
    extractor = make.feature_extractor(case)
    inputs, clips = make.draw_inputs(case, extractor, generator)
    del inputs["labels"]
    found = outputs(model, inputs)
    check_each_weight(model, inputs, found)
    exact = outputs(copy.deepcopy(model).double(), {
        k: v.double() if v.is_floating_point() else v for k, v in inputs.items()
    })
    noise = max((found[k].double() - exact[k]).abs().max().item() for k in found)
    alone = clips if isinstance(extractor, Wav2Vec2FeatureExtractor) else []
    for i, clip in enumerate(alone):
        single = extractor([clip], sampling_rate=16_000, return_tensors="pt")
        single.pop("attention_mask", None)
        found.update({f"single.{i}.{k}": v for k, v in outputs(model, single).items()})
    key = next(k for k in inputs if k != "attention_mask")
    found["inputs"] = inputs[key]
    if case["mask"]:
        found["attention_mask"] = inputs["attention_mask"].int()
    found["samples"] = torch.cat([torch.from_numpy(clip) for clip in clips])
    found["lengths"] = torch.tensor(case["lengths"], dtype=torch.int32)

    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory)
    extractor.save_pretrained(directory)
    save_file(make.plain(found), directory / "case.safetensors")
    for file in directory.iterdir():
        file.chmod(0o644)
        if file.suffix == ".json":
            file.write_text(file.read_text().rstrip("\n") + "\n")
    size = sum(file.stat().st_size for file in directory.iterdir())
    print(f"{name}: {size // 1024} KB, rounding {noise:.1e}, {tuple(found['logits'].shape)}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()
    for at, (case_name, wanted) in enumerate(CASES.items()):
        if sys.argv[1:] in ([], [case_name]):
            write(case_name, wanted, 200 + at)
