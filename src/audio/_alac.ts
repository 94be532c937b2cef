/**
 * Decodes packets of ALAC, Apple's lossless codec, to the very integers that were encoded.
 *
 * Follows the description that Apple published with its reference code in 2011: residuals in an
 * adaptive Golomb code, a predictor whose weights learn from the sign of every error, and two channels
 * mixed by a weight.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import type { AudioBlock } from "./_audio_stream.ts";
import { BitReader, OutOfBits } from "./_bit_reader.ts";
import type { CodecSetup, PacketCodec } from "./_packet_codec.ts";

/** The configuration, "magic cookie". */
interface AlacConfig {
  frames: number;
  bits: number;
  /** How fast the mean of the residuals follows, where it begins, and the longest plain code. */
  historyRate: number;
  historyStart: number;
  maxParameter: number;
  channels: number;
  sampleRateHz: number;
}

/** How one channel of a packet was predicted. */
interface Prediction {
  mode: number;
  shift: number;
  rate: number;
  weights: Int16Array;
}

const CONFIG_BYTES = 24;
const MAX_CHANNELS = 8;

/** More frames in a packet than any encoder's 4,096 by far. */
const MAX_PACKET_FRAMES = 2 ** 16;

const SINGLE = 0;
const PAIR = 1;
const LOW = 3;
const DATA = 4;
const FILL = 6;
const END = 7;

/** Ones before a value that is written in plain bits. */
const MAX_ONES = 9;
const RUN_BITS = 16;
const MEAN_SHIFT = 9;
const MAX_MEAN = 0xffff;

/** A packet that breaks the rules. */
class BadPacket extends RangeError {}

/** Prepares a decoder from the configuration of MP4, CAF or Matroska. */
export function openAlac({ config }: CodecSetup, file?: string): PacketCodec {
  const alac = readConfig(config, file);
  const { channels, sampleRateHz } = alac;
  let number = 0;
  const decode = (packet: Uint8Array): AudioBlock[] => {
    try {
      number++;
      return [decodePacket(packet, alac)];
    } catch (error) {
      if (!(error instanceof BadPacket || error instanceof OutOfBits)) throw error;
      const found = error instanceof BadPacket ? error.message : "too few bits";
      throw audioError(
        `expected a sound ALAC packet, found ${found} in packet ${number - 1}`,
        file,
      );
    }
  };
  return { channels, sampleRateHz, decode };
}

/** Reads the configuration, within the boxes that older files put around it. */
function readConfig(bytes: Uint8Array, file?: string): AlacConfig {
  let at = 0;
  const nameAt = (i: number) => String.fromCharCode(...bytes.subarray(i + 4, i + 8));
  if (nameAt(at) === "frma") at += 12;
  if (nameAt(at) === "alac") at += 12;
  if (bytes.length < at + CONFIG_BYTES) {
    throw audioError(`expected ${CONFIG_BYTES} bytes of ALAC's configuration, found fewer`, file);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, CONFIG_BYTES);
  const config = {
    frames: view.getUint32(0),
    bits: view.getUint8(5),
    historyRate: view.getUint8(6),
    historyStart: view.getUint8(7),
    maxParameter: view.getUint8(8),
    channels: view.getUint8(9),
    sampleRateHz: view.getUint32(20),
  };
  const { frames, bits, channels } = config;
  if (![16, 20, 24, 32].includes(bits)) {
    throw audioError(`expected ALAC of 16, 20, 24 or 32 bits, found ${bits}`, file);
  }
  if (channels < 1 || channels > MAX_CHANNELS) {
    throw audioError(`expected 1 to ${MAX_CHANNELS} channels of ALAC, found ${channels}`, file);
  }
  if (frames < 1 || frames > MAX_PACKET_FRAMES) {
    throw audioError(`expected 1 to ${MAX_PACKET_FRAMES} frames a packet, found ${frames}`, file);
  }
  return config;
}

function decodePacket(packet: Uint8Array, config: AlacConfig): AudioBlock {
  const bits = new BitReader(packet);
  const channels: Int32Array[] = [];
  for (let kind = bits.read(3); kind !== END; kind = bits.read(3)) {
    if (kind === SINGLE || kind === LOW || kind === PAIR) {
      channels.push(...readElement(bits, kind === PAIR ? 2 : 1, config));
    } else if (kind === DATA) skipData(bits);
    else if (kind === FILL) skipFill(bits);
    else throw new BadPacket(`an element of kind ${kind}`);
    if (channels.length > config.channels) throw new BadPacket("more channels than stated");
    if (channels.length === config.channels) break;
  }
  if (channels.length !== config.channels) throw new BadPacket("fewer channels than stated");
  const { length } = channels[0]!;
  if (channels.some((samples) => samples.length !== length)) {
    throw new BadPacket("channels of unlike length");
  }
  const scale = 2 ** (1 - config.bits);
  const Samples = config.bits > 24 ? Float64Array : Float32Array;
  return channels.map((samples) => {
    const out = new Samples(samples.length);
    for (let i = 0; i < out.length; i++) out[i] = samples[i]! * scale;
    return out;
  });
}

function skipData(bits: BitReader): void {
  bits.skip(4);
  const isAligned = bits.read(1) === 1;
  let count = bits.read(8);
  if (count === 255) count += bits.read(8);
  if (isAligned) bits.alignToByte();
  bits.skip(8 * count);
}

function skipFill(bits: BitReader): void {
  let count = bits.read(4);
  if (count === 15) count += bits.read(8) - 1;
  bits.skip(8 * count);
}

/** Reads one or two channels. */
function readElement(bits: BitReader, count: number, config: AlacConfig): Int32Array[] {
  bits.skip(4 + 12); // number, and bits that are not in use
  const isPartial = bits.read(1) === 1;
  const lowBits = bits.read(2) * 8;
  const isPlain = bits.read(1) === 1;
  const frames = isPartial ? bits.read(32) : config.frames;
  if (frames > config.frames) throw new BadPacket(`${frames} frames`);
  const channels = Array.from({ length: count }, () => new Int32Array(frames));
  if (isPlain) {
    for (let i = 0; i < frames; i++) {
      for (const samples of channels) samples[i] = bits.readSigned(config.bits);
    }
    return channels;
  }
  const width = config.bits - lowBits + count - 1;
  if (width < 1 || width > 32) throw new BadPacket(`samples of ${width} bits`);
  readPredicted(bits, channels, width, lowBits, config);
  return channels;
}

function readPredicted(
  bits: BitReader,
  channels: Int32Array[],
  width: number,
  lowBits: number,
  config: AlacConfig,
): void {
  const mixShift = bits.read(8);
  const mixWeight = bits.readSigned(8);
  const predictions = channels.map(() => readPrediction(bits));
  const lowAt = bits.position;
  bits.skip(lowBits * channels.length * channels[0]!.length);
  for (const [i, samples] of channels.entries()) {
    const prediction = predictions[i]!;
    readResiduals(bits, samples, width, prediction.rate, config);
    if (prediction.mode !== 0) predictFirstOrder(samples, width);
    predict(samples, width, prediction);
  }
  if (channels.length === 2) unmix(channels[0]!, channels[1]!, mixShift, mixWeight);
  if (lowBits === 0) return;
  const low = lowReader(bits, lowAt);
  for (let i = 0; i < channels[0]!.length; i++) {
    for (const samples of channels) samples[i] = samples[i]! << lowBits | low(lowBits);
  }
}

/** Reads from an earlier place, and leaves the reader where it was. */
function lowReader(bits: BitReader, start: number): (count: number) => number {
  let at = start;
  return (count) => {
    const back = bits.position;
    bits.seek(at);
    const value = bits.read(count);
    at += count;
    bits.seek(back);
    return value;
  };
}

function readPrediction(bits: BitReader): Prediction {
  const mode = bits.read(4);
  const shift = bits.read(4);
  const rate = bits.read(3);
  const weights = Int16Array.from({ length: bits.read(5) }, () => bits.readSigned(16));
  return { mode, shift, rate, weights };
}

/** Reads residuals in a Golomb code whose parameter follows their mean, with runs of zeros. */
function readResiduals(
  bits: BitReader,
  out: Int32Array,
  width: number,
  rateFactor: number,
  { historyRate, historyStart, maxParameter }: AlacConfig,
): void {
  const rate = historyRate * rateFactor >> 2;
  const longest = 2 ** maxParameter - 1;
  let mean = historyStart;
  let afterRun = 0;
  for (let i = 0; i < out.length;) {
    const parameter = Math.min(31 - Math.clz32((mean >> MEAN_SHIFT) + 3), maxParameter);
    const code = readGolomb(bits, parameter, 2 ** parameter - 1, width) + afterRun;
    out[i++] = code % 2 === 0 ? code / 2 : -(code + 1) / 2;
    mean = code - afterRun > MAX_MEAN
      ? MAX_MEAN
      : rate * code + mean - Math.floor(rate * mean / 2 ** MEAN_SHIFT);
    afterRun = 0;
    if (mean << 2 >= 2 ** MEAN_SHIFT || i >= out.length) continue;
    const runParameter = Math.clz32(mean) - 24 + (mean + 16 >> 6);
    const run = readRun(bits, runParameter, 2 ** runParameter - 1 & longest);
    if (i + run > out.length) throw new BadPacket("a run past the end");
    i += run; // zeros
    afterRun = run < MAX_MEAN ? 1 : 0;
    mean = 0;
  }
}

/** Ones up to `MAX_ONES`, of which that many mean a plain value. */
function readOnes(bits: BitReader): number {
  const ones = Math.min(Math.clz32(~(bits.peek(16) << 16)), MAX_ONES);
  bits.skip(ones < MAX_ONES ? ones + 1 : ones);
  return ones;
}

function readGolomb(bits: BitReader, parameter: number, factor: number, width: number): number {
  const ones = readOnes(bits);
  if (ones === MAX_ONES) return bits.read(width);
  if (parameter <= 1) return ones * factor;
  return ones * factor + readRest(bits, parameter);
}

function readRun(bits: BitReader, parameter: number, factor: number): number {
  const ones = readOnes(bits);
  if (ones === MAX_ONES) return bits.read(RUN_BITS);
  return ones * factor + readRest(bits, parameter);
}

/** A rest of `parameter` bits, of which the smallest value takes one bit fewer. */
function readRest(bits: BitReader, parameter: number): number {
  const high = bits.read(parameter - 1) * 2;
  return high === 0 ? 0 : high + bits.read(1) - 1;
}

function predictFirstOrder(samples: Int32Array, width: number): void {
  const unused = 32 - width;
  for (let i = 1; i < samples.length; i++) {
    samples[i] = samples[i]! + samples[i - 1]! << unused >> unused;
  }
}

/** Adds what the weights foretell to the residuals, in place, and lets the weights learn. */
function predict(samples: Int32Array, width: number, { weights, shift }: Prediction): void {
  const order = weights.length;
  const unused = 32 - width;
  if (order === 0) return;
  if (order === 31) return predictFirstOrder(samples, width);
  const half = shift > 0 ? 1 << shift - 1 : 0;
  const known = Math.min(order, samples.length - 1);
  for (let i = 1; i <= known; i++) {
    samples[i] = samples[i]! + samples[i - 1]! << unused >> unused;
  }
  for (let i = order + 1; i < samples.length; i++) {
    const base = samples[i - order - 1]!;
    let sum = 0;
    for (let k = 0; k < order; k++) {
      sum = sum + Math.imul(weights[k]!, samples[i - 1 - k]! - base) | 0;
    }
    const residual = samples[i]!;
    samples[i] = residual + base + (sum + half >> shift) << unused >> unused;
    if (residual !== 0) learn(samples, i, base, residual, weights, shift);
  }
}

/** Moves weights by one each, the farthest first, until they would have made up for the error. */
function learn(
  samples: Int32Array,
  at: number,
  base: number,
  residual: number,
  weights: Int16Array,
  shift: number,
): void {
  const order = weights.length;
  const sign = Math.sign(residual);
  let rest = residual;
  for (let k = order - 1; k >= 0 && rest * sign > 0; k--) {
    const distance = base - samples[at - 1 - k]!;
    const direction = Math.sign(distance);
    weights[k]! -= sign * direction;
    rest -= (order - k) * (sign * direction * distance >> shift);
  }
}

/** Left and right, in place, of a weighted sum and their difference. */
function unmix(first: Int32Array, second: Int32Array, shift: number, weight: number): void {
  if (weight === 0) return;
  for (let i = 0; i < first.length; i++) {
    const [u, v] = [first[i]!, second[i]!];
    const left = u + v - (Math.imul(weight, v) >> shift);
    first[i] = left;
    second[i] = left - v;
  }
}
