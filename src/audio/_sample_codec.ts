/**
 * How uncompressed samples are written: whole numbers, floats, and the two codes of telephony.
 *
 * Whole numbers become `value / 2^(bits - 1)`, as libsndfile and torchaudio have it, so 16-bit
 * -32768 is -1 and 32767 is just below 1.
 *
 * @module
 */

import type { AudioBlock } from "./_audio_stream.ts";
import { aLawTable, muLawTable } from "./_companding.ts";

/** Turns bytes into frames. */
export interface SampleCodec {
  /** Bytes of a group that decodes alone: a frame of PCM, a block of ADPCM. */
  groupBytes: number;
  /** Frames in a group. */
  groupFrames: number;
  /** Decodes whole groups; the block is only valid until the next one. */
  decode(bytes: Uint8Array): AudioBlock;
}

/** How one sample is written. */
export type SampleEncoding = "integer" | "unsigned" | "float" | "alaw" | "mulaw";

/** Uncompressed samples, the channels of a frame side by side. */
export interface PcmFormat {
  encoding: SampleEncoding;
  /** 8, 16, 24 or 32; 64 too for floats. */
  bits: number;
  channels: number;
  /** Whether the highest byte comes first. @default false */
  isBigEndian?: boolean;
}

type Read = (view: DataView, at: number) => number;

/** The codec of uncompressed samples. */
export function pcmCodec(format: PcmFormat): SampleCodec {
  const { bits, channels, encoding, isBigEndian = false } = format;
  const sampleBytes = bits / 8;
  const isPlain = encoding === "integer" && bits === 16 && !isBigEndian;
  const read = reader(encoding, bits, isBigEndian);
  // What does not fit into 32-bit floats stays exact until the channels are mixed.
  const Samples = bits > 24 ? Float64Array : Float32Array;
  return {
    groupBytes: sampleBytes * channels,
    groupFrames: 1,
    decode: (bytes) => {
      const frames = bytes.length / sampleBytes / channels;
      const block = Array.from({ length: channels }, () => new Samples(frames));
      if (isPlain) return splitPcm16(bytes, block);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      let at = 0;
      for (let frame = 0; frame < frames; frame++) {
        for (let channel = 0; channel < channels; channel++, at += sampleBytes) {
          block[channel]![frame] = read(view, at);
        }
      }
      return block;
    },
  };
}

/** The commonest samples, as they lie there or, from an odd byte on, copied. */
function splitPcm16(bytes: Uint8Array, block: (Float32Array | Float64Array)[]): AudioBlock {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  const values = new Int16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
  for (const [channel, samples] of block.entries()) {
    for (let i = 0, at = channel; i < samples.length; i++, at += block.length) {
      samples[i] = values[at]! / 2 ** 15;
    }
  }
  return block;
}

function reader(encoding: SampleEncoding, bits: number, isBigEndian: boolean): Read {
  const little = !isBigEndian;
  switch (encoding) {
    case "mulaw":
    case "alaw": {
      const table = encoding === "mulaw" ? muLawTable() : aLawTable();
      return (view, at) => table[view.getUint8(at)]!;
    }
    case "float":
      return bits === 32
        ? (view, at) => view.getFloat32(at, little)
        : (view, at) => view.getFloat64(at, little);
    case "unsigned":
      return (view, at) => (view.getUint8(at) - 2 ** 7) / 2 ** 7;
    case "integer":
      return integerReader(bits, little);
  }
}

function integerReader(bits: number, little: boolean): Read {
  switch (bits) {
    case 8:
      return (view, at) => view.getInt8(at) / 2 ** 7;
    case 16:
      return (view, at) => view.getInt16(at, little) / 2 ** 15;
    case 24:
      return little
        ? (view, at) => (view.getUint16(at, true) | view.getInt8(at + 2) << 16) / 2 ** 23
        : (view, at) => (view.getInt8(at) << 16 | view.getUint16(at + 1)) / 2 ** 23;
    default:
      return (view, at) => view.getInt32(at, little) / 2 ** 31;
  }
}
