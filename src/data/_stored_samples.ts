/**
 * Recordings that are stored as their samples, `{ array, sampling_rate }`, as a file of the same samples: whoever reads
 * recordings then has one way to read them.
 *
 * @module
 */

const HEADER_BYTES = 44;
const FLOAT_FORMAT = 3;
const SAMPLE_BYTES = 4;

/** A recording's path, if it has one, and its bytes as a WAV file of 32-bit floats; undefined where it is stored otherwise. */
export function samplesFile(
  stored: Readonly<Record<string, unknown>>,
): { path: string | null; bytes: Uint8Array } | undefined {
  const { array, path } = stored;
  const rateHz = Number(stored.sampling_rate ?? stored.samplingRate);
  if (!isNumbers(array) || !Number.isInteger(rateHz) || rateHz <= 0) return undefined;
  return { path: typeof path === "string" ? path : null, bytes: floatWav(array, rateHz) };
}

function isNumbers(value: unknown): value is ArrayLike<number> {
  if (value instanceof Float32Array || value instanceof Float64Array) return true;
  return Array.isArray(value) && value.every((sample) => typeof sample === "number");
}

function floatWav(samples: ArrayLike<number>, rateHz: number): Uint8Array {
  const dataBytes = SAMPLE_BYTES * samples.length;
  const bytes = new Uint8Array(HEADER_BYTES + dataBytes);
  const view = new DataView(bytes.buffer);
  const text = (at: number, word: string) => {
    for (let i = 0; i < word.length; i++) bytes[at + i] = word.charCodeAt(i);
  };
  text(0, "RIFF");
  view.setUint32(4, bytes.length - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, FLOAT_FORMAT, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, SAMPLE_BYTES * rateHz, true);
  view.setUint16(32, SAMPLE_BYTES, true);
  view.setUint16(34, 8 * SAMPLE_BYTES, true);
  text(36, "data");
  view.setUint32(40, dataBytes, true);
  for (let i = 0; i < samples.length; i++) {
    view.setFloat32(HEADER_BYTES + SAMPLE_BYTES * i, samples[i]!, true);
  }
  return bytes;
}
