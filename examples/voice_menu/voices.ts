/**
 * The speakers of the voice menu: espeak-ng accents and variants, and who is in which split.
 *
 * A voice is one accent with one variant at one pitch. No two splits share an accent or a variant,
 * and variants that are close relatives in espeak-ng (the same formants under another name, such as
 * `Diogo` and `michel`) stay on one side, so the test voices are strangers to a trained model.
 *
 * @module
 */

/** The splits, under the names that audio folders use. */
export const SPLITS = ["train", "validation", "test"] as const;

/** One of the splits. */
export type Split = typeof SPLITS[number];

/** One speaker. */
export interface Voice {
  /** File name part, such as `scotland-annie`. */
  name: string;
  /** espeak-ng voice, such as `en-gb-scotland+Annie`. */
  espeak: string;
  /** espeak-ng pitch adjustment, 0 to 99. */
  pitch: number;
  /** Speaking rate in words per minute, before the variation of each clip. */
  wordsPerMinute: number;
}

const ACCENT_NAMES: Readonly<Record<string, string>> = {
  "en-us": "us",
  "en-gb": "gb",
  "en-gb-x-rp": "rp",
  "en-gb-x-gbclan": "lancaster",
  "en-029": "caribbean",
  "en-gb-x-gbcwmd": "midlands",
  "en-gb-scotland": "scotland",
  "en-us-nyc": "nyc",
};

const SPEAKERS: Readonly<Record<Split, { accents: readonly string[]; variants: string }>> = {
  train: {
    accents: ["en-us", "en-gb", "en-gb-x-rp", "en-us-nyc", "en-029"],
    variants: "Alex f1 Andy belinda m1 anika Diogo f2 m2 Jacky aunty adam m3 f3 Henrique " +
      "Lee linda m4 Hugo f4 benjamin Marco grandma m5 Mario f5 david m6 Michael boris " +
      "zac m7 Mike grandpa gustave m8 f3 klatt2 max michel f1 anika paul f2",
  },
  validation: { accents: ["en-gb-x-gbclan"], variants: "Andrea travis shelby Gene antonio" },
  test: {
    accents: ["en-gb-scotland", "en-gb-x-gbcwmd"],
    variants: "Annie Alicia edward steph victor iven pedro ed",
  },
};

const PITCHES: readonly number[] = [50, 35, 60, 45, 70, 40, 55];
const WORDS_PER_MINUTE: readonly number[] = [200, 220, 190, 210, 230, 195, 215, 205, 225];

/** The voices of one split, always the same and in the same order. */
export function voicesOf(split: Split): Voice[] {
  const { accents, variants } = SPEAKERS[split];
  return variants.split(" ").map((variant, index) => {
    const accent = accents[index % accents.length]!;
    return {
      name: `${ACCENT_NAMES[accent]}-${variant.toLowerCase()}`,
      espeak: `${accent}+${variant}`,
      pitch: PITCHES[index % PITCHES.length]!,
      wordsPerMinute: WORDS_PER_MINUTE[index % WORDS_PER_MINUTE.length]!,
    };
  });
}
