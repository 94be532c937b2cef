/**
 * Sound to look at: its waveform above, its spectrogram below.
 *
 * @module
 */

/** Samples of a column of the spectrogram. */
const FFT_SIZE = 512;
const WAVE_PART = 0.35;
/** Quieter than this below full scale is the colour of silence. */
const FLOOR_DB = -80;
const TOP_HZ = 8_000;
const GAP = 4;

/** Colours from silent to loud, in which brightness rises evenly: they can be told apart in grey too. */
const COLOURS = [[0, 0, 4], [59, 15, 112], [140, 41, 129], [222, 73, 104], [254, 159, 109], [
  252,
  253,
  191,
]] as const;

/** Draws samples over the whole canvas. */
export function drawSound(
  canvas: HTMLCanvasElement,
  samples: Float32Array,
  samplingRate: number,
): void {
  const ratio = Math.min(2, devicePixelRatio);
  const { clientWidth, clientHeight } = canvas;
  const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d")!;
  context.clearRect(0, 0, width, height);
  const waveHeight = Math.round(height * WAVE_PART);
  drawWave(context, samples, { width, height: waveHeight });
  const rows = height - waveHeight - GAP;
  const image = spectrogram(samples, samplingRate, { columns: Math.ceil(width / 2), rows });
  const picture = new OffscreenCanvas(image.width, image.height);
  picture.getContext("2d")!.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, 0, waveHeight + GAP, width, rows);
}

function drawWave(
  context: CanvasRenderingContext2D,
  samples: Float32Array,
  { width, height }: { width: number; height: number },
): void {
  context.fillStyle = getComputedStyle(context.canvas).getPropertyValue("--accent");
  const peak = samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0.05);
  for (let column = 0; column < width; column++) {
    const start = Math.floor(column * samples.length / width);
    const end = Math.max(start + 1, Math.floor((column + 1) * samples.length / width));
    let [low, high] = [0, 0];
    for (let i = start; i < end && i < samples.length; i++) {
      low = Math.min(low, samples[i]!);
      high = Math.max(high, samples[i]!);
    }
    const top = height / 2 * (1 - high / peak);
    const bottom = height / 2 * (1 - low / peak);
    context.fillRect(column, top, 1, Math.max(1, bottom - top));
  }
}

function spectrogram(
  samples: Float32Array,
  samplingRate: number,
  { columns, rows }: { columns: number; rows: number },
): ImageData {
  const image = new ImageData(columns, rows);
  const bins = Math.min(FFT_SIZE / 2, Math.round(TOP_HZ / samplingRate * FFT_SIZE));
  const levels = new Float32Array(columns * bins);
  let top = FLOOR_DB / 2;
  for (let column = 0; column < columns; column++) {
    const middle = (column + 0.5) * samples.length / columns;
    const power = powerSpectrum(samples, Math.round(middle - FFT_SIZE / 2));
    for (let bin = 0; bin < bins; bin++) {
      const level = 10 * Math.log10(power[bin]! + 1e-12);
      levels[column * bins + bin] = level;
      if (level > top) top = level;
    }
  }
  for (let row = 0; row < rows; row++) {
    const bin = Math.floor((rows - 1 - row) * bins / rows);
    for (let column = 0; column < columns; column++) {
      const level = levels[column * bins + bin]!;
      const share = Math.max(0, Math.min(1, 1 - (level - top) / FLOOR_DB * 1.25));
      image.data.set(colourOf(share), 4 * (row * columns + column));
    }
  }
  return image;
}

function colourOf(share: number): [number, number, number, number] {
  const place = share * (COLOURS.length - 1);
  const from = COLOURS[Math.floor(place)]!;
  const to = COLOURS[Math.min(COLOURS.length - 1, Math.floor(place) + 1)]!;
  const part = place % 1;
  const mixed = (i: 0 | 1 | 2) => from[i] + part * (to[i] - from[i]);
  return [mixed(0), mixed(1), mixed(2), 255];
}

const HANN = Float32Array.from(
  { length: FFT_SIZE },
  (_, i) => 0.5 - 0.5 * Math.cos(2 * Math.PI * i / FFT_SIZE),
);
const BITS = Math.log2(FFT_SIZE);
const REVERSED = Uint16Array.from({ length: FFT_SIZE }, (_, i) => {
  let reversed = 0;
  for (let bit = 0; bit < BITS; bit++) reversed |= (i >> bit & 1) << (BITS - 1 - bit);
  return reversed;
});
const COSINES = Float32Array.from({ length: FFT_SIZE / 2 }, (_, i) => {
  return Math.cos(2 * Math.PI * i / FFT_SIZE);
});
const SINES = Float32Array.from({ length: FFT_SIZE / 2 }, (_, i) => {
  return -Math.sin(2 * Math.PI * i / FFT_SIZE);
});

/** The power of a window from `start` on, by a Fourier transform in place; what is outside counts as silent. */
function powerSpectrum(samples: Float32Array, start: number): Float32Array {
  const real = new Float32Array(FFT_SIZE);
  const imaginary = new Float32Array(FFT_SIZE);
  for (let i = 0; i < FFT_SIZE; i++) real[REVERSED[i]!] = (samples[start + i] ?? 0) * HANN[i]!;
  for (let size = 2; size <= FFT_SIZE; size *= 2) {
    const step = FFT_SIZE / size;
    for (let block = 0; block < FFT_SIZE; block += size) {
      for (let k = 0; k < size / 2; k++) {
        const [cosine, sine] = [COSINES[k * step]!, SINES[k * step]!];
        const [a, b] = [block + k, block + k + size / 2];
        const re = real[b]! * cosine - imaginary[b]! * sine;
        const im = real[b]! * sine + imaginary[b]! * cosine;
        real[b] = real[a]! - re;
        imaginary[b] = imaginary[a]! - im;
        real[a] = real[a]! + re;
        imaginary[a] = imaginary[a]! + im;
      }
    }
  }
  return Float32Array.from({ length: FFT_SIZE / 2 }, (_, i) => {
    return (real[i]! ** 2 + imaginary[i]! ** 2) / FFT_SIZE ** 2;
  });
}
