#!/usr/bin/env python3
"""Draws tiny models of an architecture with their extractors, and writes what they give.

    python random_models.py wav2vec2-bert|ced COUNT DIRECTORY

Each of COUNT folders holds a model, its extractor, and `case.safetensors`: `samples`, the clips one
after the other, `lengths`, what the extractor makes of them, `features [B, T, C]` and
`mask [B, T]` where it gives one, and the `scores [B, N]` of the batch.
"""

import random
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoModelForAudioClassification, SeamlessM4TFeatureExtractor, Wav2Vec2BertConfig
from transformers.utils import logging

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from ced import CedConfig, CedFeatureExtractor  # noqa: E402


def labels(draw):
    count = draw.randint(2, 5)
    return {
        "id2label": {i: f"class {i}" for i in range(count)},
        "label2id": {f"class {i}": i for i in range(count)},
    }


def bert(draw):
    stride = draw.randint(1, 4)
    bands = draw.randint(2, 12)
    rate = draw.choice([8_000, 11_025, 16_000])
    heads = draw.choice([1, 2, 4])
    # With a stride of 1 the extractor's mask is empty, which the model does not take.
    mask = stride > 1 and draw.random() < 0.7
    extractor = SeamlessM4TFeatureExtractor(
        feature_size=bands,
        num_mel_bins=bands,
        stride=stride,
        sampling_rate=rate,
        padding_value=draw.choice([0.0, 1.0, -0.5]),
        return_attention_mask=mask,
    )
    config = Wav2Vec2BertConfig(
        feature_projection_input_dim=stride * bands,
        hidden_size=heads * draw.choice([2, 4, 6]),
        num_attention_heads=heads,
        num_hidden_layers=draw.randint(1, 3),
        intermediate_size=draw.randint(1, 40),
        hidden_act=draw.choice(["swish", "gelu", "relu", "gelu_new", "tanh"]),
        position_embeddings_type=draw.choice(["relative_key", "relative", "rotary", None]),
        left_max_position_embeddings=draw.randint(0, 9),
        right_max_position_embeddings=draw.randint(0, 9),
        rotary_embedding_base=draw.choice([10, 500, 10_000]),
        conv_depthwise_kernel_size=draw.choice([1, 3, 5, 7, 31]),
        layer_norm_eps=draw.choice([1e-5, 1e-3, 0.05]),
        classifier_proj_size=draw.randint(1, 20),
        use_weighted_layer_sum=draw.random() < 0.5,
        mask_time_prob=draw.choice([0.0, 0.05]),
        **labels(draw),
    )
    shortest = 400 + 160 * max(1, stride - 1)
    return config, extractor, [draw.randint(shortest, 7_000) for _ in range(draw.randint(1, 3))]


def ced(draw):
    side = draw.randint(2, 6)
    stride = side if draw.random() < 0.7 else draw.randint(side // 2 + 1, side)
    # Places for which there is a position each.
    bands = next(
        b for b in iter(lambda: draw.randint(side, 24), None) if b // stride == (b - side) // stride + 1
    )
    pieces = next(
        f for f in iter(lambda: draw.randint(side, 40), None) if f // stride >= (f - side) // stride + 1
    )
    rate = draw.choice([8_000, 11_025, 16_000])
    n_fft = draw.choice([256, 400, 512])
    hop = draw.choice([80, 160, 200])
    extractor = CedFeatureExtractor(
        feature_size=bands,
        sampling_rate=rate,
        f_min=draw.choice([0, 60]),
        f_max=draw.choice([None, 3_500]),
        n_fft=n_fft,
        win_size=draw.randint(n_fft // 2, n_fft),
        hop_size=hop,
        center=draw.random() < 0.7,
    )
    heads = draw.choice([1, 2, 4])
    found = labels(draw)
    config = CedConfig(
        n_mels=bands,
        target_length=pieces,
        patch_size=side,
        patch_stride=stride,
        pad_last=draw.random() < 0.6,
        embed_dim=heads * draw.choice([2, 3, 6]),
        num_heads=heads,
        depth=draw.randint(0, 3),
        mlp_ratio=draw.choice([0.5, 1.3, 4.0]),
        qkv_bias=draw.random() < 0.7,
        pooling=draw.choice(["mean", "logit"]),
        outputdim=len(found["id2label"]),
        **found,
    )
    shortest = max(n_fft, side * hop + n_fft)
    return config, extractor, [draw.randint(shortest, 9_000) for _ in range(draw.randint(1, 3))]


def draw_weights(model, generator):
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        size = parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 0.3
        is_gain = parameter.dim() == 1 and "norm" in name and name.endswith("weight")
        parameter.data.copy_(float(is_gain) + size * noise)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.copy_(-20 + 5 * torch.randn(module.num_features, generator=generator))
            module.running_var.copy_(50 + 50 * torch.rand(module.num_features, generator=generator))


def write(directory, kind, seed):
    draw = random.Random(f"{kind} {seed}")
    generator = torch.Generator().manual_seed(seed)
    config, extractor, lengths = {"wav2vec2-bert": bert, "ced": ced}[kind](draw)
    model = AutoModelForAudioClassification.from_config(config, attn_implementation="eager").eval()
    draw_weights(model, generator)
    clips = [draw.choice([0.5, 0.01]) * torch.randn(n, generator=generator) for n in lengths]
    options = {"sampling_rate": extractor.sampling_rate, "return_tensors": "pt"}
    batch = extractor([clip.numpy() for clip in clips], **options)
    with torch.no_grad():
        scores = model(**batch).logits
    features = batch[extractor.model_input_names[0]]
    stored = {
        "samples": torch.cat(clips),
        "lengths": torch.tensor(lengths, dtype=torch.int32),
        "features": (features.transpose(1, 2) if kind == "ced" else features).contiguous(),
        "scores": scores,
    }
    if "attention_mask" in batch:
        stored["mask"] = batch["attention_mask"].int().contiguous()
    model.save_pretrained(directory)
    extractor.save_pretrained(directory)
    save_file(stored, Path(directory) / "case.safetensors")


if __name__ == "__main__":
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    architecture, count, folder = sys.argv[1:]
    for i in range(int(count)):
        write(f"{folder}/{architecture}-{i}", architecture, i)
