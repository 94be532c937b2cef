"""CED in PyTorch, as far as the golden cases need it: transformers has no such model.

Written from the paper and from what github.com/jimbozhang/hf_transformers_custom_model_ced computes
at 1a9cd46, whose names it has, and held against it by hand: the same weights give the same scores
there. Scores are those before the sigmoid. A spectrogram longer than a piece is cut clip by clip.
"""

import torch
from torch import nn
from torch.nn import functional
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModelForAudioClassification,
    PreTrainedConfig,
    PreTrainedModel,
    SequenceFeatureExtractor,
)
from transformers.audio_utils import mel_filter_bank
from transformers.feature_extraction_utils import BatchFeature
from transformers.modeling_outputs import BaseModelOutput, SequenceClassifierOutput


class CedConfig(PreTrainedConfig):
    model_type = "ced"

    depth: int = 12
    embed_dim: int = 768
    num_heads: int = 12
    mlp_ratio: float = 4.0
    qkv_bias: bool = True
    n_mels: int = 64
    target_length: int = 1012
    pad_last: bool = True
    patch_size: int = 16
    patch_stride: int = 16
    pooling: str = "mean"
    drop_rate: float = 0.0
    attn_drop_rate: float = 0.0
    drop_path_rate: float = 0.0
    outputdim: int = 527


class CedFeatureExtractor(SequenceFeatureExtractor):
    model_input_names = ["input_values"]

    def __init__(
        self,
        feature_size=64,
        sampling_rate=16_000,
        padding_value=0.0,
        f_min=0,
        f_max=None,
        n_fft=512,
        win_size=512,
        hop_size=160,
        center=True,
        **kwargs,
    ):
        super().__init__(feature_size, sampling_rate, padding_value, **kwargs)
        self.f_min = f_min
        self.f_max = f_max
        self.n_fft = n_fft
        self.win_size = win_size
        self.hop_size = hop_size
        self.center = center

    def __call__(self, clips, **_options):
        longest = max(len(clip) for clip in clips)
        padded = [functional.pad(torch.from_numpy(c), (0, longest - len(c))) for c in clips]
        return BatchFeature({"input_values": torch.stack([self.decibels(c) for c in padded])})

    def decibels(self, samples):
        """One clip; `[samples] -> [bands, frames]`"""
        spectrum = torch.stft(
            samples,
            self.n_fft,
            self.hop_size,
            self.win_size,
            torch.hann_window(self.win_size),
            center=self.center,
            pad_mode="reflect",
            return_complex=True,
        )
        bank = mel_filter_bank(
            self.n_fft // 2 + 1,
            self.feature_size,
            self.f_min,
            self.sampling_rate // 2 if self.f_max is None else self.f_max,
            self.sampling_rate,
            norm=None,
            mel_scale="htk",
        )
        energies = torch.from_numpy(bank).float().T @ spectrum.abs().square()
        levels = 10 * energies.clamp(min=1e-10).log10()
        return levels.clamp(min=levels.max().item() - 120)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        size = config.embed_dim
        self.heads = config.num_heads
        self.qkv = nn.Linear(size, 3 * size, bias=config.qkv_bias)
        self.proj = nn.Linear(size, size)

    def forward(self, x):
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, 2))
        weights = (q @ k.transpose(2, 3) / q.shape[3] ** 0.5).softmax(3)
        return self.proj((weights @ v).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        wide = int(config.embed_dim * config.mlp_ratio)
        self.fc1 = nn.Linear(config.embed_dim, wide)
        self.fc2 = nn.Linear(wide, config.embed_dim)

    def forward(self, x):
        return self.fc2(functional.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.norm1 = nn.LayerNorm(config.embed_dim, eps=1e-6)
        self.attn = Attention(config)
        self.norm2 = nn.LayerNorm(config.embed_dim, eps=1e-6)
        self.mlp = FeedForward(config)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, config):
        super().__init__()
        size, stride = config.patch_size, config.patch_stride
        self.proj = nn.Conv2d(1, config.embed_dim, size, stride)


class CedPreTrainedModel(PreTrainedModel):
    config_class = CedConfig
    base_model_prefix = "encoder"
    main_input_name = "input_values"

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class CedModel(CedPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        stride, size = config.patch_stride, config.embed_dim
        self.init_bn = nn.BatchNorm2d(config.n_mels, momentum=0.01)
        self.patch_embed = PatchEmbed(config)
        times, bands = config.target_length // stride, config.n_mels // stride
        self.time_pos_embed = nn.Parameter(0.02 * torch.randn(1, size, 1, times))
        self.freq_pos_embed = nn.Parameter(0.02 * torch.randn(1, size, bands, 1))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(size, eps=1e-6)
        self.post_init()

    def pieces(self, x):
        """`[B, bands, frames] -> [B * pieces, bands, length]`"""
        length, frames = self.config.target_length, x.shape[2]
        if frames <= length:
            return x
        rest = -frames % length
        x = functional.pad(x, (0, rest)) if self.config.pad_last else x[..., : frames + rest - length]
        return x.unflatten(2, (-1, length)).transpose(1, 2).flatten(0, 1)

    def forward(self, input_values):
        clips = len(input_values)
        x = self.pieces(self.init_bn(input_values[:, :, None])[:, :, 0])
        x = self.patch_embed.proj(x[:, None])
        x = x + self.time_pos_embed[..., : x.shape[3]] + self.freq_pos_embed
        x = x.flatten(2).transpose(1, 2)
        states = [x]
        for block in self.blocks:
            states.append(block(states[-1]))
        of_clips = [s.reshape(clips, -1, s.shape[2]) for s in [*states, self.norm(states[-1])]]
        return BaseModelOutput(last_hidden_state=of_clips.pop(), hidden_states=tuple(of_clips))


class CedForAudioClassification(CedPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.encoder = CedModel(config)
        norm, dense = nn.LayerNorm(config.embed_dim), nn.Linear(config.embed_dim, config.outputdim)
        self.outputlayer = nn.Sequential(norm, dense)
        self.post_init()

    @property
    def classifier(self):
        return self.outputlayer

    def forward(self, input_values, labels=None, output_hidden_states=None):
        base = self.encoder(input_values)
        logits = self.outputlayer(base.last_hidden_state.mean(1))
        loss = None
        if labels is not None and labels.is_floating_point():
            loss = functional.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
        elif labels is not None:
            loss = functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=base.hidden_states)


AutoConfig.register("ced", CedConfig)
AutoFeatureExtractor.register(CedConfig, CedFeatureExtractor)
AutoModelForAudioClassification.register(CedConfig, CedForAudioClassification)
