/**
 * The wall around libopus (BSD-3-Clause), which is WebAssembly in the package `opus-decoder` (MIT).
 *
 * What goes in is checked and cut into packets of one frame beforehand, so its time and memory are
 * bounded and no packet is larger than the room that the package makes for it. What goes wrong
 * inside becomes an error of ours. An instance serves one recording and is thrown away, never asked to free
 * what it holds: a packet can break its memory in a way that shows only then.
 *
 * @module
 */

import { OpusDecoder } from "opus-decoder";
import { audioError } from "./_audio_error.ts";
import type { AudioBlock } from "./_audio_stream.ts";
import { type Asking, awaited } from "./_byte_reader.ts";
import { readOpusPacket, splitOpusPacket } from "./_opus_packet.ts";

/** Bytes of a packet for each channel that the package has room for. */
const MAX_CHANNEL_BYTES = 3_840;

/** What the header of a recording says to its decoder. */
export interface OpusLayout {
  channels: number;
  streamCount: number;
  coupledStreamCount: number;
  channelMappingTable: number[];
  /** What every sample is multiplied with. */
  gain: number;
}

/** Decodes the packets of one recording. */
export class OpusPackets {
  readonly #decoder: OpusDecoder;
  readonly #layout: OpusLayout;
  readonly #file?: string;
  #count = 0;

  private constructor(decoder: OpusDecoder, layout: OpusLayout, file?: string) {
    this.#decoder = decoder;
    this.#layout = layout;
    this.#file = file;
  }

  /** Starts an instance of its own. */
  static *open(layout: OpusLayout, file?: string): Asking<OpusPackets> {
    const { channels, streamCount, coupledStreamCount, channelMappingTable } = layout;
    const decoder = new OpusDecoder({
      channels,
      streamCount,
      coupledStreamCount,
      channelMappingTable,
    });
    try {
      yield* awaited(decoder.ready);
    } catch (cause) {
      throw audioError(`expected room for an Opus decoder, found ${cause}`, file);
    }
    return new OpusPackets(decoder, layout, file);
  }

  /** How many frames a packet decodes to; none where it cannot be decoded. */
  framesOf(packet: Uint8Array): number {
    return readOpusPacket(packet, this.#layout.streamCount > 1)?.frames ?? 0;
  }

  /** The blocks of a packet, one for each of its frames. */
  decode(packet: Uint8Array): AudioBlock[] {
    const number = this.#count++;
    const frames = splitOpusPacket(packet, this.#layout.streamCount);
    const roomBytes = MAX_CHANNEL_BYTES * this.#layout.channels;
    if (frames === undefined || frames.some((frame) => frame.length > roomBytes)) {
      throw audioError(`expected a sound Opus packet, found packet ${number} broken`, this.#file);
    }
    return frames.map((frame) => this.#decodeFrame(frame, number));
  }

  #decodeFrame(frame: Uint8Array, number: number): AudioBlock {
    const { channelData, errors } = this.#guarded(frame, number);
    if (errors.length > 0) {
      throw audioError(`expected a sound Opus packet, found packet ${number} broken`, this.#file);
    }
    const { gain } = this.#layout;
    if (gain === 1) return channelData;
    return channelData.map((samples) => samples.map((sample) => sample * gain));
  }

  #guarded(frame: Uint8Array, number: number) {
    try {
      return this.#decoder.decodeFrame(frame);
    } catch (cause) {
      const found = `packet ${number}, on which the decoder fails`;
      throw audioError(`expected a sound Opus packet, found ${found}`, this.#file, { cause });
    }
  }
}
