#!/usr/bin/env python3
"""Draws tiny models of an architecture with their extractors, and writes what they give.

    python random_models.py wav2vec2-bert|ced|efficientat COUNT DIRECTORY

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
from efficientat import EfficientATConfig, EfficientATFeatureExtractor  # noqa: E402


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


def efficientat(draw):
    bands = draw.randint(1, 40)
    rate = draw.choice([16_000, 22_050, 32_000])
    n_fft = draw.choice([512, 800, 1024])
    extractor = EfficientATFeatureExtractor(
        feature_size=bands,
        sampling_rate=rate,
        fmin=draw.choice([0.0, 60.0]),
        fmax=draw.choice([None, 5_000.0]),
        n_fft=n_fft,
        win_length=draw.randint(n_fft // 2, n_fft),
        hopsize=draw.choice([160, 320, 441]),
    )
    found = labels(draw)
    config = EfficientATConfig(
        width_mult=draw.choice([0.01, 0.05, 0.1, 0.17, 0.2, 0.4]),
        reduced_tail=draw.random() < 0.3,
        strides=[draw.choice([1, 2]) for _ in range(4)],
        classifier_proj_size=draw.choice([None, 7, 20]),
        input_dim_f=bands,
        se_dims=draw.choice(["c", "c", "none"]),
        se_agg=draw.choice(["max", "avg", "add", "min"]),
        se_r=draw.randint(1, 6),
        num_classes=len(found["id2label"]),
        problem_type=draw.choice(["single_label_classification", "multi_label_classification"]),
        **found,
    )
    return config, extractor, [draw.randint(n_fft // 2 + 2, 9_000) for _ in range(draw.randint(1, 3))]


def draw_weights(model, generator, kind):
    norms = (torch.nn.LayerNorm, torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)
    gains = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, norms)}
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        size = parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 0.3
        parameter.data.copy_(float(name in gains) + size * noise)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            mean, deviation, variance = (-20, 5, 50) if kind == "ced" else (0, 0.3, 0.5)
            normal = torch.randn(module.num_features, generator=generator)
            module.running_mean.copy_(mean + deviation * normal)
            even = torch.rand(module.num_features, generator=generator)
            module.running_var.copy_(variance * (1 + even))


def write(directory, kind, seed):
    draw = random.Random(f"{kind} {seed}")
    generator = torch.Generator().manual_seed(seed)
    config, extractor, lengths = {"wav2vec2-bert": bert, "ced": ced, "efficientat": efficientat}[kind](draw)
    model = AutoModelForAudioClassification.from_config(config, attn_implementation="eager").eval()
    draw_weights(model, generator, kind)
    clips = [draw.choice([0.5, 0.01]) * torch.randn(n, generator=generator) for n in lengths]
    options = {"sampling_rate": extractor.sampling_rate, "return_tensors": "pt"}
    batch = extractor([clip.numpy() for clip in clips], **options)
    with torch.no_grad():
        scores = model(**batch).logits
    features = batch[extractor.model_input_names[0]]
    stored = {
        "samples": torch.cat(clips),
        "lengths": torch.tensor(lengths, dtype=torch.int32),
        "features": (features if kind == "wav2vec2-bert" else features.transpose(1, 2)).contiguous(),
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
