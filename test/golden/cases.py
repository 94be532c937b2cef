"""The golden cases that `make.py` makes: a config, clips of noise and their labels each.

"mask" says whether the extractor gives an attention mask, "gains" how loud the clips are, "stride"
how many frames of a filter bank become one, "quiet" names the matrices whose outputs are small so
that the epsilon of the norm behind them is seen, "loud" that no epsilon is to be seen, "sharp" how
far attention is from the mean.
"""

from transformers import (
    ASTConfig,
    Data2VecAudioConfig,
    HubertConfig,
    SEWConfig,
    SEWDConfig,
    UniSpeechConfig,
    UniSpeechSatConfig,
    Wav2Vec2BertConfig,
    Wav2Vec2Config,
    Wav2Vec2ConformerConfig,
    WavLMConfig,
    WhisperConfig,
)

from ced import CedConfig
from efficientat import EfficientATConfig

LABELS = {
    "id2label": {0: "low", 1: "middle", 2: "high"},
    "label2id": {"low": 0, "middle": 1, "high": 2},
}

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
    **LABELS,
}

# A frame every ten samples, so that many frames need few samples; the norms' epsilon is large.
SPEECH = {
    **SIZES,
    "conv_dim": [6, 8, 10],
    "conv_kernel": [10, 3, 2],
    "conv_stride": [5, 2, 1],
    "num_conv_pos_embeddings": 5,
    "layer_norm_eps": 0.05,
}

GROUP = {"feat_extract_norm": "group", "conv_bias": False}
LAYER = {"feat_extract_norm": "layer", "conv_bias": True}
STABLE = {**LAYER, "do_stable_layer_norm": True}

FIRST_CONV = r"conv_layers\.0\.conv"
ALL_CONVS = r"conv_layers\.\d+\.conv"

# Of the three clips with a mask, one ends with a frame, and one a sample before the next.
MASKED = {"lengths": [430, 310, 369], "gains": [1, 0.002, 0.1], "labels": [1, 2, 0], "mask": True}
UNMASKED = {"lengths": [347, 420], "gains": [1, 0.3], "labels": [2, 0], "mask": False}

TRANSFORMER = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 20,
    **LABELS,
}

SPECTROGRAM = {
    **TRANSFORMER,
    "num_mel_bins": 12,
    "max_length": 26,
    "patch_size": 5,
    "frequency_stride": 3,
    "time_stride": 4,
    "layer_norm_eps": 0.02,
}

# Few mel bands, of which the extractor lays "stride" frames side by side; the norms' epsilon is large.
PAIRS = {
    **TRANSFORMER,
    "feature_projection_input_dim": 10,
    "conv_depthwise_kernel_size": 5,
    "classifier_proj_size": 12,
    "layer_norm_eps": 0.05,
}

# Frames of the filter bank of the three clips: 20, 11 and 14.
MASKED_PAIRS = {"lengths": [3440, 2100, 2480], "gains": [1, 0.002, 0.1], "labels": [1, 2, 0], "mask": True}

TAGGER = {
    "n_mels": 9,
    "target_length": 17,
    "patch_size": 4,
    "patch_stride": 4,
    "embed_dim": 16,
    "depth": 2,
    "num_heads": 2,
    "mlp_ratio": 1.3,
    "outputdim": 3,
    **LABELS,
}

MOBILE = {"width_mult": 0.05, "input_dim_f": 20, "classifier_proj_size": 20, "num_classes": 3, **LABELS}

LISTENER = {
    "d_model": 16,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 20,
    "decoder_layers": 1,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 20,
    "num_mel_bins": 6,
    "max_source_positions": 50,
    "classifier_proj_size": 12,
    "vocab_size": 8,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 3,
    **LABELS,
}

CASES = {
    "wav2vec2-group": {
        "seed": 11,
        "lengths": [1800, 2600],
        "labels": [2, 0],
        "mask": False,
        "config": Wav2Vec2Config(**SIZES, feat_extract_norm="group", conv_bias=False),
    },
    "wav2vec2-layer-weighted-adapter": {
        "seed": 12,
        "lengths": [2300, 1500, 1901],
        "labels": [1, 2, 0],
        "mask": True,
        "config": Wav2Vec2Config(
            **SIZES,
            feat_extract_norm="layer",
            conv_bias=True,
            do_stable_layer_norm=True,
            use_weighted_layer_sum=True,
            adapter_attn_dim=6,
        ),
    },
    "wav2vec2-group-masked": {
        **MASKED,
        "seed": 13,
        "quiet": FIRST_CONV,
        "config": Wav2Vec2Config(**{**SPEECH, **GROUP, "hidden_act": "relu"}),
    },
    "wav2vec2-gelu-new": {
        **MASKED,
        "seed": 14,
        "quiet": ALL_CONVS,
        "config": Wav2Vec2Config(
            **{**SPEECH, **LAYER, "hidden_act": "gelu_new", "feat_extract_activation": "relu"}
        ),
    },
    "efficientat": {
        "seed": 141,
        "loud": True,
        "statistics": 1,
        "strong": 1.5,
        "lengths": [3400, 3000],
        "gains": [0.3, 0.05],
        "labels": [[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]],
        "mask": False,
        "config": EfficientATConfig(**MOBILE, problem_type="multi_label_classification"),
    },
    # With half the tail and two strides of 1.
    "efficientat-reduced-tail": {
        "seed": 142,
        "loud": True,
        "statistics": 1,
        "strong": 1.15,
        "lengths": [3400, 2000],
        "gains": [0.2, 0.5],
        "labels": [1, 2],
        "mask": False,
        "config": EfficientATConfig(
            **{**MOBILE, "input_dim_f": 33},
            reduced_tail=True,
            strides=(2, 1, 2, 1),
            se_r=2,
            problem_type="single_label_classification",
        ),
    },
    "hubert-quick-gelu": {
        **UNMASKED,
        "seed": 24,
        "quiet": FIRST_CONV,
        "config": HubertConfig(
            **{**SPEECH, **GROUP, "layer_norm_eps": 0.4},
            conv_pos_batch_norm=True,
            hidden_act="quick_gelu",
            feat_extract_activation="leaky_relu",
        ),
    },
    "hubert-distilled-norms": {
        **UNMASKED,
        "seed": 23,
        "quiet": FIRST_CONV,
        "config": HubertConfig(
            **{**SPEECH, **GROUP},
            feat_proj_layer_norm=False,
            conv_pos_batch_norm=True,
        ),
    },
    "hubert-stable-adapter": {
        **MASKED,
        "seed": 22,
        "quiet": rf"{ALL_CONVS}|feature_projection\.projection|pos_conv_embed.*bias"
        r"|out_proj|output_dense|linear_2",
        "config": HubertConfig(**{**SPEECH, **STABLE, "layer_norm_eps": 4e-4}, adapter_attn_dim=6),
    },
    "unispeech-group": {
        **UNMASKED,
        "seed": 31,
        "quiet": FIRST_CONV,
        "config": UniSpeechConfig(
            **{**SPEECH, **GROUP}, hidden_act="gelu_python", use_weighted_layer_sum=True
        ),
    },
    "unispeech-stable": {
        **MASKED,
        "seed": 32,
        "quiet": ALL_CONVS,
        "config": UniSpeechConfig(**{**SPEECH, **STABLE}),
    },
    "unispeech-sat-group": {
        **UNMASKED,
        "seed": 41,
        "sharp": 2.5,
        "quiet": FIRST_CONV,
        "config": UniSpeechSatConfig(**{**SPEECH, **GROUP}, use_weighted_layer_sum=True),
    },
    "unispeech-sat-stable": {
        **MASKED,
        "seed": 42,
        "quiet": ALL_CONVS,
        "config": UniSpeechSatConfig(**{**SPEECH, **STABLE}),
    },
    "wavlm-group": {
        **UNMASKED,
        "seed": 52,
        "quiet": FIRST_CONV,
        "config": WavLMConfig(**{**SPEECH, **GROUP}, num_buckets=15, max_bucket_distance=25),
    },
    "wavlm-stable-weighted": {
        **MASKED,
        "seed": 56,
        "quiet": ALL_CONVS,
        "config": WavLMConfig(
            **{**SPEECH, **STABLE},
            num_buckets=16,
            max_bucket_distance=60,
            use_weighted_layer_sum=True,
        ),
    },
    # 17 frames are the first piece, the other five the second, whose last patches are zeros.
    "ced": {
        "seed": 131,
        "sharp": 2.5,
        "loud": True,
        "lengths": [3400, 3000],
        "gains": [0.3, 0.05],
        "labels": [[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]],
        "mask": False,
        "config": CedConfig(**TAGGER, problem_type="multi_label_classification"),
    },
    "ced-single-label": {
        "seed": 132,
        "sharp": 2.5,
        "loud": True,
        "lengths": [3000, 3400, 2900],
        "gains": [0.2, 0.02, 0.5],
        "labels": [1, 2, 0],
        "mask": False,
        "config": CedConfig(
            **{**TAGGER, "n_mels": 13, "patch_size": 3, "patch_stride": 3, "pad_last": False},
            qkv_bias=False,
            pooling="logit",
        ),
    },
    "data2vec-audio": {
        **UNMASKED,
        "seed": 61,
        "quiet": rf"{ALL_CONVS}|pos_conv_embed",
        "config": Data2VecAudioConfig(
            **{**SPEECH, "num_conv_pos_embeddings": 2}, conv_bias=False, conv_pos_kernel_size=5
        ),
    },
    "data2vec-audio-masked-weighted": {
        **MASKED,
        "seed": 62,
        "quiet": rf"{ALL_CONVS}|pos_conv_embed",
        "config": Data2VecAudioConfig(
            **{**SPEECH, "num_conv_pos_embeddings": 3, "num_conv_pos_embedding_groups": 2},
            conv_bias=True,
            conv_pos_kernel_size=4,
            use_weighted_layer_sum=True,
        ),
    },
    "data2vec-audio-mish": {
        **MASKED,
        "seed": 63,
        "quiet": rf"{ALL_CONVS}|pos_conv_embed",
        "config": Data2VecAudioConfig(
            **{**SPEECH, "num_conv_pos_embeddings": 2},
            conv_bias=False,
            conv_pos_kernel_size=5,
            hidden_act="mish",
            feat_extract_activation="tanh",
        ),
    },
    "sew": {
        **UNMASKED,
        "seed": 71,
        "quiet": FIRST_CONV,
        "config": SEWConfig(**{**SPEECH, **GROUP, "conv_dim": [6, 8, 16]}, squeeze_factor=2),
    },
    "sew-masked-weighted": {
        **MASKED,
        "seed": 72,
        "quiet": ALL_CONVS,
        "config": SEWConfig(
            **{**SPEECH, **LAYER, "num_conv_pos_embeddings": 6},
            squeeze_factor=3,
            use_weighted_layer_sum=True,
        ),
    },
    "sew-masked": {
        **MASKED,
        "seed": 73,
        "quiet": ALL_CONVS,
        "config": SEWConfig(**{**SPEECH, **LAYER}, squeeze_factor=2),
    },
    "sew-hardswish": {
        **UNMASKED,
        "seed": 74,
        "quiet": FIRST_CONV,
        "config": SEWConfig(
            **{**SPEECH, **GROUP},
            squeeze_factor=2,
            hidden_act="hardswish",
            feat_extract_activation="gelu_pytorch_tanh",
        ),
    },
    "sew-d": {
        **UNMASKED,
        "seed": 81,
        "quiet": FIRST_CONV,
        "config": SEWDConfig(
            **{**SPEECH, **GROUP},
            squeeze_factor=2,
            feature_layer_norm_eps=0.03,
            position_buckets=6,
            max_position_embeddings=16,
        ),
    },
    "sew-d-masked-own-maps": {
        **MASKED,
        "seed": 82,
        "quiet": ALL_CONVS,
        "config": SEWDConfig(
            **{**SPEECH, **LAYER},
            squeeze_factor=2,
            feature_layer_norm_eps=0.03,
            position_buckets=9,
            max_position_embeddings=40,
            share_att_key=False,
            norm_rel_ebd="none",
            hidden_act="silu",
        ),
    },
    "sew-d-few-positions": {
        **MASKED,
        "seed": 83,
        "quiet": ALL_CONVS,
        "config": SEWDConfig(
            **{**SPEECH, **LAYER},
            squeeze_factor=2,
            feature_layer_norm_eps=0.03,
            position_buckets=12,
            max_position_embeddings=40,
            max_relative_positions=5,
            hidden_act="relu2",
            feat_extract_activation="swish",
        ),
    },
    "wav2vec2-conformer-relative": {
        **UNMASKED,
        "seed": 91,
        "sharp": 2.5,
        "quiet": rf"{FIRST_CONV}|feature_projection\.projection|output_dense|linear_out"
        r"|pointwise_conv2|final_layer_norm|depthwise_conv",
        "config": Wav2Vec2ConformerConfig(
            **{**SPEECH, **GROUP, "layer_norm_eps": 1e-4},
            position_embeddings_type="relative",
            conv_depthwise_kernel_size=5,
        ),
    },
    "wav2vec2-conformer-relative-masked": {
        **MASKED,
        "seed": 92,
        "loud": True,
        "quiet": rf"{FIRST_CONV}",
        "config": Wav2Vec2ConformerConfig(
            **{**SPEECH, **GROUP},
            hidden_act="swish",
            position_embeddings_type="relative",
            conv_depthwise_kernel_size=3,
        ),
    },
    "wav2vec2-conformer-rotary-masked-weighted": {
        **MASKED,
        "seed": 96,
        "loud": True,
        "quiet": ALL_CONVS,
        "config": Wav2Vec2ConformerConfig(
            **{**SPEECH, **LAYER, "hidden_size": 20},
            hidden_act="swish",
            position_embeddings_type="rotary",
            rotary_embedding_base=100,
            conv_depthwise_kernel_size=7,
            use_weighted_layer_sum=True,
        ),
    },
    "wav2vec2-bert-key-masked": {
        **MASKED_PAIRS,
        "seed": 121,
        "sharp": 2.5,
        "stride": 2,
        "config": Wav2Vec2BertConfig(
            **PAIRS, left_max_position_embeddings=3, right_max_position_embeddings=2
        ),
    },
    "wav2vec2-bert-relative-masked-weighted": {
        **MASKED_PAIRS,
        "seed": 122,
        "sharp": 2.5,
        "stride": 2,
        "config": Wav2Vec2BertConfig(
            **PAIRS, position_embeddings_type="relative", use_weighted_layer_sum=True
        ),
    },
    "wav2vec2-bert-rotary": {
        "lengths": [3440, 3100],
        "gains": [1, 0.3],
        "labels": [2, 0],
        "mask": False,
        "seed": 123,
        "stride": 5,
        "config": Wav2Vec2BertConfig(
            **PAIRS, position_embeddings_type="rotary", rotary_embedding_base=100, hidden_act="gelu"
        ),
    },
    "wav2vec2-bert-no-positions-masked": {
        **MASKED_PAIRS,
        "seed": 124,
        "stride": 5,
        "config": Wav2Vec2BertConfig(**PAIRS, position_embeddings_type=None),
    },
    "whisper": {
        "seed": 101,
        "lengths": [3000, 4700],
        "gains": [0.3, 0.05],
        "labels": [2, 0],
        "mask": False,
        "quiet": r"conv2|embed_positions|out_proj|fc2",
        "config": WhisperConfig(**LISTENER),
    },
    "whisper-weighted": {
        "seed": 102,
        "loud": True,
        "lengths": [4100, 2601],
        "gains": [0.1, 0.02],
        "labels": [1, 2],
        "mask": False,
        "config": WhisperConfig(
            **{**LISTENER, "num_mel_bins": 7},
            activation_function="relu",
            use_weighted_layer_sum=True,
        ),
    },
    "whisper-gelu-accurate": {
        "seed": 103,
        "lengths": [3000, 4700],
        "gains": [0.3, 0.05],
        "labels": [2, 0],
        "mask": False,
        "quiet": r"conv2|embed_positions|out_proj|fc2",
        "config": WhisperConfig(**LISTENER, activation_function="gelu_accurate"),
    },
    "ast": {
        "seed": 113,
        "lengths": [3000, 5000],
        "gains": [0.3, 0.05],
        "labels": [2, 0],
        "mask": False,
        "config": ASTConfig(**SPECTROGRAM),
    },
    "ast-multilabel": {
        "seed": 112,
        "lengths": [4321, 3000],
        "gains": [0.2, 0.02],
        "labels": [[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]],
        "mask": False,
        "config": ASTConfig(
            **{**SPECTROGRAM, "num_mel_bins": 14, "patch_size": 4, "time_stride": 6},
            qkv_bias=False,
            problem_type="multi_label_classification",
        ),
    },
}

# Sizes at which a mean and a deviation say something.
WIDE_SPEECH = {
    "conv_dim": [64, 64],
    "conv_kernel": [10, 4],
    "conv_stride": [5, 2],
    "conv_bias": True,
    "feat_extract_norm": "layer",
    "hidden_size": 128,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "num_conv_pos_embeddings": 32,
    "num_conv_pos_embedding_groups": 4,
    "classifier_proj_size": 64,
    "use_weighted_layer_sum": True,
    **LABELS,
}

BEGINNINGS = {
    "ast": ASTConfig(**{**TRANSFORMER, "hidden_size": 128, "num_hidden_layers": 1}, max_length=64),
    "ced": CedConfig(
        depth=1, embed_dim=128, num_heads=4, target_length=160, outputdim=3, **LABELS
    ),
    "data2vec-audio": Data2VecAudioConfig(**{**WIDE_SPEECH, "num_conv_pos_embeddings": 1}),
    "efficientat": EfficientATConfig(width_mult=0.4, num_classes=3, **LABELS),
    "hubert": HubertConfig(**WIDE_SPEECH, do_stable_layer_norm=True, adapter_attn_dim=16),
    "hubert-batch-norm": HubertConfig(**WIDE_SPEECH, conv_pos_batch_norm=True),
    "sew": SEWConfig(**WIDE_SPEECH),
    "sew-d": SEWDConfig(**WIDE_SPEECH, share_att_key=False),
    "unispeech": UniSpeechConfig(**WIDE_SPEECH),
    "unispeech-sat": UniSpeechSatConfig(**WIDE_SPEECH),
    "wav2vec2": Wav2Vec2Config(**WIDE_SPEECH, do_stable_layer_norm=True, adapter_attn_dim=16),
    "wav2vec2-bert": Wav2Vec2BertConfig(
        **{**TRANSFORMER, "hidden_size": 128, "num_hidden_layers": 1}, use_weighted_layer_sum=True
    ),
    "wav2vec2-bert-relative": Wav2Vec2BertConfig(
        **{**TRANSFORMER, "hidden_size": 128, "num_hidden_layers": 1},
        position_embeddings_type="relative",
    ),
    "wav2vec2-conformer": Wav2Vec2ConformerConfig(**WIDE_SPEECH),
    "wavlm": WavLMConfig(**WIDE_SPEECH),
    "whisper": WhisperConfig(
        **{**LISTENER, "d_model": 128, "encoder_ffn_dim": 256, "encoder_layers": 1, "num_mel_bins": 40}
    ),
}
