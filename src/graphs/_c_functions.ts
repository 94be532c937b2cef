/**
 * What each operation of the table is in C, and the steps of the spectrogram.
 *
 * Plain loops over rows, in the order of the table's definitions; nothing is allocated.
 *
 * @module
 */

/** The functions of the spectrogram; the tables that they read are written before them. */
export const SPECTROGRAM = `
/* In place, by decimation in time; the tables hold cosines and sines of half a turn. */
static void fourier(double *re, double *im)
{
  int i, j, length, step, k;
  for (i = 1, j = 0; i < FFT_SIZE; i++) {
    int bit = FFT_SIZE >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      double swap = re[i];
      re[i] = re[j];
      re[j] = swap;
      swap = im[i];
      im[i] = im[j];
      im[j] = swap;
    }
  }
  for (length = 2; length <= FFT_SIZE; length <<= 1) {
    step = FFT_SIZE / length;
    for (i = 0; i < FFT_SIZE; i += length) {
      for (k = 0; k < length / 2; k++) {
        const double c = cosines[k * step], s = -sines[k * step];
        double *ar = re + i + k, *ai = im + i + k;
        double *br = ar + length / 2, *bi = ai + length / 2;
        const double r = *br * c - *bi * s, m = *br * s + *bi * c;
        *br = *ar - r;
        *bi = *ai - m;
        *ar += r;
        *ai += m;
      }
    }
  }
}

void earshot_features(const float *samples, size_t count, float *features)
{
  static double re[FFT_SIZE], im[FFT_SIZE];
  int t, i, band;
  for (t = 0; t < EARSHOT_FRAMES; t++) {
    float *levels = features + t * EARSHOT_BANDS;
    const float *frame = samples + t * HOP_SAMPLES;
    double sum = 0, mean, before = 0;
    if ((size_t)t * HOP_SAMPLES + FRAME_SAMPLES > count) {
      for (band = 0; band < EARSHOT_BANDS; band++) levels[band] = (float)((0.0 - LEVEL_MEAN) / LEVEL_SCALE);
      continue;
    }
    for (i = 0; i < FRAME_SAMPLES; i++) sum += (double)frame[i];
    mean = sum / FRAME_SAMPLES;
    for (i = 0; i < FRAME_SAMPLES; i++) {
      const double sample = (double)frame[i] - mean;
      re[i] = (sample - PREEMPHASIS * before) * window[i];
      before = sample;
    }
    for (i = FRAME_SAMPLES; i < FFT_SIZE; i++) re[i] = 0;
    for (i = 0; i < FFT_SIZE; i++) im[i] = 0;
    fourier(re, im);
    for (i = 0; i <= FFT_SIZE / 2; i++) re[i] = re[i] * re[i] + im[i] * im[i];
    for (band = 0; band < EARSHOT_BANDS; band++) {
      double energy = 0;
      for (i = band_ends[band]; i < band_ends[band + 1]; i++) {
        energy += band_weights[i] * re[first_bins[band] + i - band_ends[band]];
      }
      if (energy < ENERGY_FLOOR) energy = ENERGY_FLOOR;
      levels[band] = (float)((log(energy) - LEVEL_MEAN) / LEVEL_SCALE);
    }
  }
}
`;

/** Functions by the names that calls use; a program holds those that it calls, in this order. */
export const FUNCTIONS = {
  gelu: `
static float gelu(float x) { return 0.5f * x * (1.0f + erff(x * 0.707106781f)); }
`,
  gelu_new: `
static float gelu_new(float x)
{
  return 0.5f * x * (1.0f + tanhf(0.797884561f * (x + 0.044715f * x * x * x)));
}
`,
  relu: `
static float relu(float x) { return x > 0 ? x : 0; }
`,
  silu: `
static float silu(float x) { return x / (1.0f + expf(-x)); }
`,
  add: `
/* y[i] = a[i] + b[i % size] */
static void add(const float *a, const float *b, int count, int size, float *y)
{
  int i;
  for (i = 0; i < count; i++) y[i] = a[i] + b[i % size];
}
`,
  apply: `
static void apply(const float *x, float (*function)(float), int count, float *y)
{
  int i;
  for (i = 0; i < count; i++) y[i] = function(x[i]);
}
`,
  linear: `
/* x [rows, inputs], weight [outputs, inputs]; bias, residual and function may be absent */
static void linear(const float *x, const float *weight, const float *bias, const float *residual,
                   float (*function)(float), int rows, int inputs, int outputs, float *y)
{
  int row, o, i;
  for (row = 0; row < rows; row++) {
    for (o = 0; o < outputs; o++) {
      float sum = bias ? bias[o] : 0;
      for (i = 0; i < inputs; i++) sum += x[row * inputs + i] * weight[o * inputs + i];
      if (function) sum = function(sum);
      y[row * outputs + o] = residual ? sum + residual[row * outputs + o] : sum;
    }
  }
}
`,
  layer_norm: `
static void layer_norm(const float *x, const float *gamma, const float *beta, float eps, int rows,
                       int size, float *y)
{
  int row, i;
  for (row = 0; row < rows; row++, x += size, y += size) {
    float sum = 0, squares = 0, mean, factor;
    for (i = 0; i < size; i++) sum += x[i];
    mean = sum / (float)size;
    for (i = 0; i < size; i++) squares += (x[i] - mean) * (x[i] - mean);
    factor = 1.0f / sqrtf(squares / (float)size + eps);
    for (i = 0; i < size; i++) y[i] = (x[i] - mean) * factor * gamma[i] + beta[i];
  }
}
`,
  attention: `
/* q, k, v [frames, size]; scores [frames] is scratch */
static void attention(const float *q, const float *k, const float *v, int heads, float factor,
                      int frames, int size, float *scores, float *y)
{
  const int width = size / heads;
  int head, i, j, c;
  for (head = 0; head < heads; head++) {
    for (i = 0; i < frames; i++) {
      const float *query = q + i * size + head * width;
      float *out = y + i * size + head * width;
      float most = -INFINITY, sum = 0;
      for (j = 0; j < frames; j++) {
        float score = 0;
        for (c = 0; c < width; c++) score += query[c] * k[j * size + head * width + c];
        scores[j] = score * factor;
        if (scores[j] > most) most = scores[j];
      }
      for (j = 0; j < frames; j++) sum += scores[j] = expf(scores[j] - most);
      for (c = 0; c < width; c++) {
        float mixed = 0;
        for (j = 0; j < frames; j++) mixed += scores[j] * v[j * size + head * width + c];
        out[c] = mixed / sum;
      }
    }
  }
}
`,
  mean_pool: `
static void mean_pool(const float *x, int frames, int size, float *y)
{
  int t, c;
  for (c = 0; c < size; c++) {
    float sum = 0;
    for (t = 0; t < frames; t++) sum += x[t * size + c];
    y[c] = sum / (float)frames;
  }
}
`,
  pad_frames: `
/* Frames of zeros before and after; fewer frames where these are below 0. */
static void pad_frames(const float *x, int frames, int size, int before, int after, float *y)
{
  int t, c;
  for (t = 0; t < before + frames + after; t++) {
    const int from = t - before;
    for (c = 0; c < size; c++) {
      *y++ = from >= 0 && from < frames ? x[from * size + c] : 0;
    }
  }
}
`,
  patches: `
/* x [frames, channels]; rectangles of height channels and width frames, those of the lowest channels first */
static void patches(const float *x, int frames, int channels, int height, int width, int down,
                    int right, float *y)
{
  int channel, t, i, j;
  for (channel = 0; channel + height <= channels; channel += down) {
    for (t = 0; t + width <= frames; t += right) {
      for (i = 0; i < height; i++) {
        for (j = 0; j < width; j++) *y++ = x[(t + j) * channels + channel + i];
      }
    }
  }
}
`,
  softmax: `
static void softmax(float *x, int count)
{
  float most = x[0], sum = 0;
  int i;
  for (i = 1; i < count; i++) if (x[i] > most) most = x[i];
  for (i = 0; i < count; i++) sum += x[i] = expf(x[i] - most);
  for (i = 0; i < count; i++) x[i] /= sum;
}
`,
  sigmoid: `
static float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
`,
} as const;

/** The name of one of {@linkcode FUNCTIONS}. */
export type FunctionName = keyof typeof FUNCTIONS;
