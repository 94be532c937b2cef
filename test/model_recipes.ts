/**
 * One model of each architecture at any size, with the extractor that feeds it: what the tests and benches over all
 * architectures run on.
 *
 * Not here: weights. Fields that an architecture has beyond the shared ones keep its published kind (the order of
 * norms, relative positions, squeezing), at sizes that follow from the shared ones.
 *
 * @module
 */

/** The sizes that all architectures have in common. */
export interface ModelSize {
  /** Hidden size of the transformer. */
  hidden: number;
  layers: number;
  heads: number;
  /** Hidden size of the feed-forward halves. */
  wide: number;
  /** Convolutions from samples to frames, of the architectures that take samples. */
  convolutions: { channels: number; widths: number[]; strides: number[] };
  /** Frames that a positional convolution sees, and its groups of channels. */
  positions: { width: number; groups: number };
  /** Rate of the architectures that take samples; spectrograms are made at 16 kHz. */
  samplingRate: number;
  /** The spectrogram of the Audio Spectrogram Transformer: 100 frames a second. */
  ast: { frames: number; bands: number };
  /** The spectrogram of CED, and the bands and frames of its patches. */
  ced: { frames: number; bands: number; patch: number };
  /** The spectrogram of Wav2Vec2-BERT: the bands of two frames side by side. */
  pairs: { bands: number };
  /** The spectrogram of Whisper. */
  whisper: { seconds: number; bands: number };
  /** Standard deviation of the first weights. */
  initializerRange: number;
}

/** The content of a model directory, without weights. */
export interface ModelRecipe {
  config: Record<string, unknown>;
  preprocessor: Record<string, unknown>;
}

const SPECTROGRAM_RATE = 16_000;
const FRAMES_PER_SECOND = 100;
/** Whisper halves the number of frames by its second convolution. */
const WHISPER_STRIDE = 2;

/** No randomness but the order of clips: what is seen is the model, not its regularisation. */
const WITHOUT_NOISE = {
  hidden_dropout: 0,
  attention_dropout: 0,
  activation_dropout: 0,
  feat_proj_dropout: 0,
  layerdrop: 0,
  mask_time_prob: 0,
  mask_feature_prob: 0,
};

/** What each architecture that takes samples has beyond the shared fields. */
const SPEECH_FIELDS: Readonly<Record<string, (size: ModelSize) => Record<string, unknown>>> = {
  "data2vec-audio": ({ positions }) => ({
    num_conv_pos_embeddings: 5,
    conv_pos_kernel_size: Math.min(19, positions.width),
  }),
  "hubert": () => ({ feat_extract_norm: "group" }),
  "sew": () => ({ squeeze_factor: 2 }),
  "sew-d": () => ({ squeeze_factor: 2, position_buckets: 32, max_position_embeddings: 64 }),
  "unispeech": () => ({ feat_extract_norm: "layer", do_stable_layer_norm: true }),
  "unispeech-sat": () => ({ feat_extract_norm: "group" }),
  "wav2vec2": () => ({ feat_extract_norm: "group" }),
  "wav2vec2-conformer": () => ({
    position_embeddings_type: "relative",
    conv_depthwise_kernel_size: 15,
    conformer_conv_dropout: 0,
  }),
  "wavlm": () => ({ num_buckets: 32, max_bucket_distance: 64 }),
};

/** Every `model_type`, in alphabetical order. */
export const MODEL_TYPES: readonly string[] = [
  ...Object.keys(SPEECH_FIELDS),
  "audio-spectrogram-transformer",
  "ced",
  "efficientat",
  "wav2vec2-bert",
  "whisper",
].sort();

/**
 * The config and the preprocessor config of one architecture at a size.
 *
 * @throws {RangeError} for a `model_type` that is not one of {@linkcode MODEL_TYPES}.
 */
export function modelRecipe(modelType: string, size: ModelSize): ModelRecipe {
  if (modelType === "whisper") return whisper(size);
  if (modelType === "ced") return tagger(size);
  if (modelType === "efficientat") return mobile(size);
  if (modelType === "wav2vec2-bert") return pairedFrames(size);
  if (modelType === "audio-spectrogram-transformer") return spectrogramTransformer(size);
  const fields = SPEECH_FIELDS[modelType];
  if (fields) return speech(modelType, size, fields(size));
  throw new RangeError(
    `Cannot make a model: expected one of ${MODEL_TYPES.join(", ")}, found "${modelType}"`,
  );
}

function speech(
  modelType: string,
  size: ModelSize,
  own: Record<string, unknown>,
): ModelRecipe {
  const { channels, widths, strides } = size.convolutions;
  return {
    config: {
      model_type: modelType,
      hidden_size: size.hidden,
      num_hidden_layers: size.layers,
      num_attention_heads: size.heads,
      intermediate_size: size.wide,
      conv_dim: widths.map(() => channels),
      conv_kernel: widths,
      conv_stride: strides,
      num_feat_extract_layers: widths.length,
      num_conv_pos_embeddings: size.positions.width,
      num_conv_pos_embedding_groups: size.positions.groups,
      classifier_proj_size: size.hidden,
      initializer_range: size.initializerRange,
      ...WITHOUT_NOISE,
      ...own,
    },
    preprocessor: {
      feature_extractor_type: "Wav2Vec2FeatureExtractor",
      sampling_rate: size.samplingRate,
      do_normalize: true,
    },
  };
}

function tagger(size: ModelSize): ModelRecipe {
  const { frames, bands, patch } = size.ced;
  return {
    config: {
      model_type: "ced",
      target_length: frames,
      n_mels: bands,
      patch_size: patch,
      patch_stride: patch,
      embed_dim: size.hidden,
      depth: size.layers,
      num_heads: size.heads,
      mlp_ratio: size.wide / size.hidden,
      pooling: "logit",
    },
    preprocessor: {
      feature_extractor_type: "CedFeatureExtractor",
      feature_size: bands,
      sampling_rate: SPECTROGRAM_RATE,
    },
  };
}

/** Its sizes are its width's; of the others only the bands count. */
function mobile(size: ModelSize): ModelRecipe {
  const { bands } = size.ced;
  return {
    config: {
      model_type: "efficientat",
      width_mult: size.hidden / 960,
      input_dim_f: bands,
      classifier_proj_size: size.wide,
      problem_type: "single_label_classification",
    },
    preprocessor: {
      feature_extractor_type: "EfficientATFeatureExtractor",
      feature_size: bands,
      sampling_rate: SPECTROGRAM_RATE,
    },
  };
}

function pairedFrames(size: ModelSize): ModelRecipe {
  const { bands } = size.pairs;
  return {
    config: {
      model_type: "wav2vec2-bert",
      feature_projection_input_dim: 2 * bands,
      hidden_size: size.hidden,
      num_hidden_layers: size.layers,
      num_attention_heads: size.heads,
      intermediate_size: size.wide,
      conv_depthwise_kernel_size: 15,
      conformer_conv_dropout: 0,
      classifier_proj_size: size.hidden,
      initializer_range: size.initializerRange,
      ...WITHOUT_NOISE,
    },
    preprocessor: {
      feature_extractor_type: "SeamlessM4TFeatureExtractor",
      num_mel_bins: bands,
      feature_size: bands,
      stride: 2,
      sampling_rate: SPECTROGRAM_RATE,
    },
  };
}

function whisper(size: ModelSize): ModelRecipe {
  const { seconds, bands } = size.whisper;
  return {
    config: {
      model_type: "whisper",
      num_mel_bins: bands,
      max_source_positions: seconds * FRAMES_PER_SECOND / WHISPER_STRIDE,
      d_model: size.hidden,
      encoder_layers: size.layers,
      encoder_attention_heads: size.heads,
      encoder_ffn_dim: size.wide,
      classifier_proj_size: size.hidden,
      init_std: size.initializerRange,
    },
    preprocessor: {
      feature_extractor_type: "WhisperFeatureExtractor",
      feature_size: bands,
      chunk_length: seconds,
      sampling_rate: SPECTROGRAM_RATE,
    },
  };
}

function spectrogramTransformer(size: ModelSize): ModelRecipe {
  const { frames, bands } = size.ast;
  return {
    config: {
      model_type: "audio-spectrogram-transformer",
      max_length: frames,
      num_mel_bins: bands,
      hidden_size: size.hidden,
      num_hidden_layers: size.layers,
      num_attention_heads: size.heads,
      intermediate_size: size.wide,
      initializer_range: size.initializerRange,
    },
    preprocessor: {
      feature_extractor_type: "ASTFeatureExtractor",
      num_mel_bins: bands,
      max_length: frames,
      sampling_rate: SPECTROGRAM_RATE,
    },
  };
}
