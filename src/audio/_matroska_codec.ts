/**
 * The codec of a Matroska track, by the name that the file gives it.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import type { Asking } from "./_byte_reader.ts";
import type { Track } from "./_matroska_elements.ts";
import { type CodecName, openPacketCodec, type PacketCodec } from "./_packet_codec.ts";
import { pcmCodec, type PcmFormat } from "./_sample_codec.ts";

const CODECS: Readonly<Record<string, CodecName>> = {
  "A_OPUS": "Opus",
  "A_VORBIS": "Vorbis",
  "A_AAC": "AAC",
  "A_FLAC": "FLAC",
  "A_ALAC": "ALAC",
  "A_MPEG/L3": "MP3",
};

const PCM: Readonly<Record<string, Pick<PcmFormat, "encoding" | "isBigEndian">>> = {
  "A_PCM/INT/LIT": { encoding: "integer" },
  "A_PCM/INT/BIG": { encoding: "integer", isBigEndian: true },
  "A_PCM/FLOAT/IEEE": { encoding: "float" },
};

/** Prepares the codec of a track. */
export function* openTrackCodec(track: Track, file?: string): Asking<PacketCodec> {
  const { codec, config, channels, sampleRateHz } = track;
  if (Object.hasOwn(PCM, codec)) return pcmPackets(track, file);
  const name = Object.hasOwn(CODECS, codec) ? CODECS[codec] : undefined;
  if (name === undefined) {
    const expected = "Opus, Vorbis, AAC, FLAC, ALAC, MP3 or PCM in Matroska";
    throw audioError(`expected ${expected}, found ${JSON.stringify(codec)}`, file);
  }
  return yield* openPacketCodec(name, { config, channels, sampleRateHz }, file);
}

function pcmPackets({ codec, bits, channels, sampleRateHz }: Track, file?: string): PacketCodec {
  const known = PCM[codec]!;
  const widths = known.encoding === "float" ? [32, 64] : [8, 16, 24, 32];
  if (!widths.includes(bits) || channels < 1 || channels > 64) {
    const found = `${channels} channels of ${bits} bits`;
    throw audioError(
      `expected 1 to 64 channels of ${widths.join(", ")} bits, found ${found}`,
      file,
    );
  }
  const encoding = known.encoding === "integer" && bits === 8 ? "unsigned" : known.encoding;
  const samples = pcmCodec({ ...known, encoding, bits, channels });
  const decode = (packet: Uint8Array) => {
    const whole = Math.floor(packet.length / samples.groupBytes) * samples.groupBytes;
    return whole === 0 ? [] : [samples.decode(packet.subarray(0, whole))];
  };
  return { channels, sampleRateHz, decode };
}
