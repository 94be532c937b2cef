/**
 * Models to train from scratch: their configs, their feature extractors and training arguments that suit them.
 *
 * `tiny` takes telephone audio at 8 kHz, and learns a few hundred clips in minutes on two cores. `small` and `base`
 * take 16 kHz; `base` is the shape of facebook/wav2vec2-base.
 *
 * @module
 */
import { FINE_TUNING, FROM_SCRATCH, PRESET_DATA } from "./_preset_data.ts";
import type { TrainingOptions } from "./arguments.ts";

export { FINE_TUNING };

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
export type PresetName = "tiny" | "small" | "base";

/** The presets by name. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  tiny: withUsual(PRESET_DATA.tiny),
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
