/**
 * Streams that follow one another in one Ogg file, as recorders of radio and joined files have them.
 *
 * The first stream's rate is that of all: what follows at another one is resampled. A stream of
 * another codec ends the recording with a warning, as any other bytes behind the end do.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import { type AudioBlock, type AudioBlocks, type AudioStream, isWish } from "./_audio_stream.ts";
import type { Asking, ByteReader } from "./_byte_reader.ts";
import { OggReader } from "./_ogg.ts";
import { Resampler } from "./resample.ts";

/** Which streams are read, and how. */
export interface ChainCodec {
  /** What the first packet of a stream begins with. */
  magic: string;
  /** Reads the headers of a stream. */
  open: (ogg: OggReader, file?: string) => Asking<AudioStream>;
}

/** Opens the first stream of a file, whose blocks go on with those of the streams behind it. */
export function* openChain(
  { magic, open }: ChainCodec,
  reader: ByteReader,
  file?: string,
): Asking<AudioStream> {
  const first = new OggReader(reader, magic, file);
  const stream = yield* open(first, file);
  const { sampleRateHz } = stream;
  function* blocks(warn: (doubt: string) => void, isMeanEnough: boolean): AudioBlocks {
    yield* stream.blocks(warn, isMeanEnough);
    let ogg = first;
    while (ogg.isFollowed) {
      ogg = new OggReader(reader, magic, file);
      const next = yield* open(ogg, file);
      const sound = withoutStart(next.blocks(warn, isMeanEnough), next.skipFrames ?? 0);
      if (next.sampleRateHz === sampleRateHz) yield* sound;
      else yield* resampled(sound, next, { toHz: sampleRateHz, file });
    }
    if (ogg.warning !== undefined) warn(ogg.warning);
  }
  return { ...stream, blocks };
}

/** The blocks without their first frames. */
function* withoutStart(blocks: AudioBlocks, skipFrames: number): AudioBlocks {
  let toSkip = skipFrames;
  for (let step = blocks.next(); !step.done;) {
    if (isWish(step.value)) {
      step = blocks.next(yield step.value);
      continue;
    }
    const block = step.value;
    const start = Math.min(toSkip, block[0]!.length);
    toSkip -= start;
    if (start === 0) yield block;
    else if (start < block[0]!.length) yield block.map((samples) => samples.subarray(start));
    step = blocks.next();
  }
}

function* resampled(
  blocks: AudioBlocks,
  { sampleRateHz, channels }: AudioStream,
  { toHz, file }: { toHz: number; file?: string },
): AudioBlocks {
  const resamplers = resamplersFor(channels, { fromHz: sampleRateHz, toHz, file });
  let heard = 0;
  for (let step = blocks.next(); !step.done;) {
    if (isWish(step.value)) {
      step = blocks.next(yield step.value);
      continue;
    }
    const block = step.value;
    heard = block.length;
    yield* unlessEmpty(block.map((samples, i) => resamplers[i]!.push(Float32Array.from(samples))));
    step = blocks.next();
  }
  yield* unlessEmpty(resamplers.slice(0, heard).map((resampler) => resampler.finish()));
}

function* unlessEmpty(block: AudioBlock): AudioBlocks {
  if ((block[0]?.length ?? 0) > 0) yield block;
}

function resamplersFor(
  channels: number,
  { fromHz, toHz, file }: { fromHz: number; toHz: number; file?: string },
): Resampler[] {
  try {
    return Array.from({ length: channels }, () => new Resampler(fromHz, toHz));
  } catch (cause) {
    const expected = `expected Ogg streams of rates like the first one's, ${toHz} Hz`;
    throw audioError(`${expected}, found ${fromHz} Hz`, file, { cause });
  }
}
