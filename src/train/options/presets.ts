/**
 * Models to train from scratch: their configs, their feature extractors and training arguments that suit them.
 *
 * `tiny` takes telephone audio at 8 kHz, and learns a few hundred clips in minutes on two cores: speech. `tiny-sound`
 * sees spectrograms of clips of 5 s at 16 kHz: other sounds. `wake-word` does of 1 s, with fewer than 100,000 parameters.
 * `small` and `base` take 16 kHz; `base` is the shape of facebook/wav2vec2-base.
 *
 * @module
 */
import { BACKBONE_TUNING, FINE_TUNING, FROM_SCRATCH, PRESET_DATA } from "./_preset_data.ts";
import type { TrainingOptions } from "./arguments.ts";

export { BACKBONE_TUNING, FINE_TUNING };

/** A model shape with what belongs to it. */
export interface Preset {
  /** Fields of `config.json` that differ from the architecture's defaults. */
  config: Record<string, unknown>;
  /** Content of `preprocessor_config.json`. */
  preprocessor: Record<string, unknown>;
  /** Training arguments in place of the usual defaults. */
  args: Partial<TrainingOptions>;
}

/** The names of the presets. */
export type PresetName = "tiny" | "tiny-sound" | "wake-word" | "small" | "base";

/** The presets by name. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  tiny: withUsual(PRESET_DATA.tiny),
  "tiny-sound": withUsual(PRESET_DATA["tiny-sound"]),
  "wake-word": withUsual(PRESET_DATA["wake-word"]),
  small: withUsual(PRESET_DATA.small),
  base: withUsual(PRESET_DATA.base),
};

function withUsual(preset: Preset): Preset {
  return { ...preset, args: { ...FROM_SCRATCH, ...preset.args } };
}

/** Whether a word is the name of a preset. */
export function isPreset(name: string): name is PresetName {
  return Object.hasOwn(PRESETS, name);
}

/** Frames of a spectrogram in a second. */
const FRAMES_PER_SECOND = 100;

/** The seconds of the clips that a preset's model takes, where it takes clips of one length. */
function presetSeconds({ config }: Pick<Preset, "config">): number | undefined {
  const { max_length: frames } = config;
  return typeof frames === "number" ? frames / FRAMES_PER_SECOND : undefined;
}

/** A preset, made for clips of so many seconds where these are given. */
export function presetOf(name: PresetName, clipSeconds?: number): Preset {
  return clipSeconds === undefined ? PRESETS[name] : presetOfSeconds(name, clipSeconds);
}

/**
 * A preset whose model takes clips of so many seconds; training moves them by the same share as before.
 *
 * @throws {RangeError} where its model takes clips of any length, or they would be shorter than a patch.
 */
function presetOfSeconds(name: PresetName, seconds: number): Preset {
  const { config, preprocessor, args } = PRESETS[name];
  const before = presetSeconds({ config });
  if (before === undefined) {
    throw new RangeError(
      `Cannot set the seconds of a clip of "${name}": its model takes clips of any length`,
    );
  }
  const max_length = Math.round(seconds * FRAMES_PER_SECOND);
  const least = config.patch_size as number;
  if (!(max_length >= least)) {
    throw new RangeError(
      `Cannot make a model of "${name}" for clips of ${seconds} s: expected ` +
        `${least / FRAMES_PER_SECOND} s or more`,
    );
  }
  const { augmentShiftSeconds: shift = 0 } = args;
  return {
    config: { ...config, max_length },
    preprocessor: { ...preprocessor, max_length },
    args: { ...args, augmentShiftSeconds: shift * seconds / before },
  };
}
