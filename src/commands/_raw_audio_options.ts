/**
 * Bare samples, as they are described on the command line.
 *
 * @module
 */
import { RAW_ENCODINGS, type RawAudio, type RawEncoding } from "../audio/mod.ts";
import { type OptionSpecs, type OptionValues, UsageError } from "./_arguments.ts";

/** The options that describe them. */
export const RAW_AUDIO_OPTIONS = {
  rate: { kind: "number", whole: true, min: 1, help: "hertz of bare samples without a header" },
  encoding: {
    kind: "string",
    value: RAW_ENCODINGS.join("|"),
    help: "how they are written, the low byte first (s16)",
  },
  channels: { kind: "number", whole: true, min: 1, max: 64, help: "how many they have (1)" },
} as const satisfies OptionSpecs;

/**
 * Bare samples, where the options speak of them.
 *
 * @throws {UsageError} where their rate is not among them, or the encoding is none.
 */
export function rawAudio(
  { rate, encoding, channels }: OptionValues<typeof RAW_AUDIO_OPTIONS>,
): RawAudio | undefined {
  if (rate === undefined && encoding === undefined && channels === undefined) return undefined;
  if (rate === undefined) {
    const found = encoding === undefined ? "--channels" : "--encoding";
    throw new UsageError(`Cannot read bare samples: expected --rate beside ${found}, found none`);
  }
  return { rateHz: rate, encoding: encodingOf(encoding ?? "s16"), channels: channels ?? 1 };
}

/** As ours, or as `arecord` and ffmpeg call it: S16_LE, FLOAT_LE, s16le. */
function encodingOf(name: string): RawEncoding {
  const short = name.toLowerCase().replace(/_?(3)?le$/, "").replace("float", "f32");
  const found = RAW_ENCODINGS.find((encoding) => encoding === short);
  if (found) return found;
  throw new UsageError(
    `Cannot use argument "--encoding": expected ${RAW_ENCODINGS.join(", ")}, found "${name}"`,
  );
}
