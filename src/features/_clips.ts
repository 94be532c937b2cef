/**
 * What every extractor asks of its clips, and the normalisation of waveforms.
 *
 * @module
 */

/** Keeps the division finite on silence. */
const VARIANCE_FLOOR = 1e-7;
/** Samples of a pass. */
const UNROLLED = 4;

/** Ends where clips have another rate than the extractor's. */
export function requireRate(samplingRate: number, foundHz: number | undefined): void {
  if (foundHz === undefined || foundHz === samplingRate) return;
  throw new RangeError(
    `Cannot extract features: expected clips at ${samplingRate} Hz, found ${foundHz} Hz`,
  );
}

/** Ends where a clip is shorter than a frame. */
export function requireSamples(clip: number, least: number, found: number): void {
  if (found >= least) return;
  throw new RangeError(
    `Cannot extract features of clip ${clip}: expected at least ${least} samples, found ${found}`,
  );
}

/**
 * Ends at a value that is no number; the mean of float32 numbers is finite exactly where all of them are.
 *
 * @returns that mean.
 */
export function requireFinite(clip: number, values: Float32Array): number {
  const mean = meanOf(values);
  if (Number.isFinite(mean)) return mean;
  throw new RangeError(
    `Cannot extract features of clip ${clip}: expected finite samples, found NaN or infinity`,
  );
}

/** Brings values, of a mean that may be known, to zero mean and unit variance in place, by sums in float64. */
export function normalize(values: Float32Array, mean: number = meanOf(values)): void {
  const squares = new Float64Array(1);
  const whole = values.length - values.length % UNROLLED;
  for (let i = 0; i < whole; i += UNROLLED) {
    const [a, b] = [values[i]! - mean, values[i + 1]! - mean];
    const [c, d] = [values[i + 2]! - mean, values[i + 3]! - mean];
    squares[0] = squares[0]! + a * a + b * b + c * c + d * d;
  }
  for (let i = whole; i < values.length; i++) squares[0]! += (values[i]! - mean) ** 2;
  const deviation = Math.sqrt(squares[0]! / values.length + VARIANCE_FLOOR);
  for (let i = 0; i < values.length; i++) values[i] = (values[i]! - mean) / deviation;
}

/**
 * The sum is in an array: as a variable V8 keeps it on the heap here, a new object for each sample. It is written for
 * every fourth; the order of the additions is that of the samples.
 */
function meanOf(values: Float32Array): number {
  const sum = new Float64Array(1);
  const whole = values.length - values.length % UNROLLED;
  for (let i = 0; i < whole; i += UNROLLED) {
    sum[0] = sum[0]! + values[i]! + values[i + 1]! + values[i + 2]! + values[i + 3]!;
  }
  for (let i = whole; i < values.length; i++) sum[0]! += values[i]!;
  return sum[0]! / values.length;
}
