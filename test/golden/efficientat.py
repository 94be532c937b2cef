"""EfficientAT's MobileNets in PyTorch, as far as the golden cases need them: transformers has no such models.

Written from the papers and from what github.com/fschmid56/EfficientAT computes at a425fdc, whose
names its tensors have, and held against it by hand: the same weights give the same scores there.
A config has the arguments of the authors' `get_model`, and `classifier_proj_size`, the width of the
head's hidden layer.
"""

import math

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
from transformers.feature_extraction_utils import BatchFeature
from transformers.modeling_outputs import SequenceClassifierOutput

# Input channels, kernel, hidden channels, output channels, squeezed, hard swish, which of the strides.
BLOCKS = [
    (16, 3, 16, 16, False, False, None),
    (16, 3, 64, 24, False, False, 0),
    (24, 3, 72, 24, False, False, None),
    (24, 5, 72, 40, True, False, 1),
    (40, 5, 120, 40, True, False, None),
    (40, 5, 120, 40, True, False, None),
    (40, 3, 240, 80, False, True, 2),
    (80, 3, 200, 80, False, True, None),
    (80, 3, 184, 80, False, True, None),
    (80, 3, 184, 80, False, True, None),
    (80, 3, 480, 112, True, True, None),
    (112, 3, 672, 112, True, True, None),
    (112, 5, 672, 160, True, True, 3),
    (160, 5, 960, 160, True, True, None),
    (160, 5, 960, 160, True, True, None),
]


class EfficientATConfig(PreTrainedConfig):
    model_type = "efficientat"

    width_mult: float = 1.0
    reduced_tail: bool = False
    dilated: bool = False
    strides: tuple = (2, 2, 2, 2)
    head_type: str = "mlp"
    classifier_proj_size: int | None = None
    dropout: float = 0.2
    input_dim_f: int = 128
    se_dims: str = "c"
    se_agg: str = "max"
    se_r: int = 4
    num_classes: int = 527


class EfficientATFeatureExtractor(SequenceFeatureExtractor):
    model_input_names = ["input_values"]

    def __init__(
        self,
        feature_size=128,
        sampling_rate=32_000,
        padding_value=0.0,
        fmin=0.0,
        fmax=None,
        n_fft=1024,
        win_length=800,
        hopsize=320,
        **kwargs,
    ):
        super().__init__(feature_size, sampling_rate, padding_value, **kwargs)
        self.fmin = fmin
        self.fmax = fmax
        self.n_fft = n_fft
        self.win_length = win_length
        self.hopsize = hopsize

    def __call__(self, clips, **_options):
        longest = max(len(clip) for clip in clips)
        padded = [functional.pad(torch.from_numpy(c), (0, longest - len(c))) for c in clips]
        return BatchFeature({"input_values": torch.stack([self.levels(c) for c in padded])})

    def bank(self):
        """`[bands, frequencies]`"""
        fmax = self.sampling_rate // 2 - 1000 if self.fmax is None else self.fmax
        mels = lambda hz: 1127 * math.log1p(hz / 700)  # noqa: E731
        ends = torch.linspace(mels(self.fmin), mels(fmax), self.feature_size + 2, dtype=torch.float64)
        hz = torch.arange(self.n_fft // 2 + 1, dtype=torch.float64) * self.sampling_rate / self.n_fft
        at = 1127 * torch.log1p(hz / 700)
        low, middle, high = (ends[i : i + self.feature_size, None] for i in range(3))
        return torch.minimum((at - low) / (middle - low), (high - at) / (high - middle)).clamp(min=0)

    def levels(self, samples):
        """One clip; `[samples] -> [bands, frames]`"""
        spectrum = torch.stft(
            samples[1:] - 0.97 * samples[:-1],
            self.n_fft,
            self.hopsize,
            self.win_length,
            torch.hann_window(self.win_length, periodic=False),
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        energies = self.bank().float() @ spectrum.abs().square()
        return ((energies + 1e-5).log() + 4.5) / 5


def divisible(channels, by=8):
    """The nearest multiple, at least one, and not less than nine tenths."""
    nearest = max(by, int(channels + by / 2) // by * by)
    return nearest if nearest >= 0.9 * channels else nearest + by


def convolution(inputs, outputs, kernel=1, stride=1, groups=1, activation=None):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=0.001, momentum=0.01),
        *([activation()] if activation else []),
    )


class SqueezeExcitation(nn.Module):
    def __init__(self, size, squeezed):
        super().__init__()
        self.fc1 = nn.Linear(size, squeezed)
        self.fc2 = nn.Linear(squeezed, size)

    def forward(self, x):
        gate = torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


class ConcurrentSqueezes(nn.Module):
    """Of channels alone: the authors' code cannot run those of bands."""

    def __init__(self, channels, config):
        super().__init__()
        squeezed = divisible(channels // config.se_r)
        self.conc_se_layers = nn.ModuleList([SqueezeExcitation(channels, squeezed)])

    def forward(self, x):
        return self.conc_se_layers[0](x)


class Block(nn.Module):
    def __init__(self, sizes, kernel, stride, squeezed, hard, config):
        super().__init__()
        inputs, hidden, outputs = sizes
        activation = nn.Hardswish if hard else nn.ReLU
        self.is_residual = stride == 1 and inputs == outputs
        self.block = nn.Sequential(
            *([convolution(inputs, hidden, activation=activation)] if hidden != inputs else []),
            convolution(hidden, hidden, kernel, stride, hidden, activation),
            *([ConcurrentSqueezes(hidden, config)] if squeezed and config.se_dims != "none" else []),
            convolution(hidden, outputs),
        )

    def forward(self, x):
        return self.block(x) + x if self.is_residual else self.block(x)


def features(config):
    width = lambda channels: divisible(channels * config.width_mult)  # noqa: E731
    tail = 2 if config.reduced_tail else 1
    layers = [convolution(1, width(16), 3, 2, activation=nn.Hardswish)]
    for i, (inputs, kernel, hidden, outputs, squeezed, hard, which) in enumerate(BLOCKS):
        outputs //= tail if i >= 12 else 1
        inputs, hidden = (n // (tail if i >= 13 else 1) for n in (inputs, hidden))
        stride = 1 if which is None else config.strides[which]
        sizes = [width(n) for n in (inputs, hidden, outputs)]
        layers.append(Block(sizes, kernel, stride, squeezed, hard, config))
    last = width(160 // tail)
    layers.append(convolution(last, 6 * last, activation=nn.Hardswish))
    return nn.Sequential(*layers)


class EfficientATForAudioClassification(PreTrainedModel):
    config_class = EfficientATConfig
    base_model_prefix = "features"
    main_input_name = "input_values"

    def __init__(self, config):
        super().__init__(config)
        tail = 2 if config.reduced_tail else 1
        last = 6 * divisible(160 // tail * config.width_mult)
        hidden = config.classifier_proj_size or divisible(1280 // tail * config.width_mult)
        self.features = features(config)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(1),
            nn.Linear(last, hidden),
            nn.Hardswish(),
            nn.Dropout(config.dropout),
            nn.Linear(hidden, config.num_classes),
        )
        self.post_init()

    @property
    def last_layer(self):
        return self.classifier[-1]

    def _init_weights(self, module):
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
            nn.init.zeros_(module.bias)

    def forward(self, input_values, labels=None, output_hidden_states=None):
        states = [self.features[0](input_values[:, None])]
        for block in self.features[1:]:
            states.append(block(states[-1]))
        logits = self.classifier(states[-1])
        loss = None
        if labels is not None and labels.is_floating_point():
            loss = functional.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
        elif labels is not None:
            loss = functional.cross_entropy(logits, labels)
        # Places band by band, each over its stretch of time; channels last.
        places = tuple(state.flatten(2).transpose(1, 2) for state in states)
        return SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=places)


AutoConfig.register("efficientat", EfficientATConfig)
AutoFeatureExtractor.register(EfficientATConfig, EfficientATFeatureExtractor)
AutoModelForAudioClassification.register(EfficientATConfig, EfficientATForAudioClassification)
