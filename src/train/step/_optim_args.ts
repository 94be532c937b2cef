/**
 * The text of `optimArgs`, "momentum=0.9,nesterov=true", as the settings of an optimiser.
 *
 * @module
 */

/** What a setting may be: a number between two, true or false, or two numbers. */
export type SettingKind = "flag" | "pair" | readonly [least: number, most: number];

/** The value of a kind of setting. */
type ValueOf<Kind> = Kind extends "flag" ? boolean
  : Kind extends "pair" ? [number, number]
  : number;

/** Settings by the names that the reference gives them. */
export type SettingsOf<Kinds> = { [Name in keyof Kinds]?: ValueOf<Kinds[Name]> };

/**
 * Settings out of their text; a pair stands in brackets.
 *
 * @throws {RangeError} for a setting that there is none of, and a value out of range.
 */
export function settingsOf<Kinds extends Readonly<Record<string, SettingKind>>>(
  optimArgs: string,
  kinds: Kinds,
): SettingsOf<Kinds> {
  const settings: Record<string, unknown> = {};
  const texts = optimArgs.replaceAll(" ", "").split(/,(?![^(]*\))/).filter((text) => text !== "");
  for (const text of texts) {
    const [key = "", value = ""] = text.split("=");
    const kind = Object.hasOwn(kinds, key) ? kinds[key] : undefined;
    if (!kind) refuseSetting(Object.keys(kinds).join(", "), text);
    settings[key] = kind === "flag"
      ? /^(true|1|yes)$/i.test(value)
      : kind === "pair"
      ? pairOf(text, value)
      : numberOf(text, value, kind);
  }
  return settings as SettingsOf<Kinds>;
}

function numberOf(text: string, value: string, [least, most]: readonly [number, number]): number {
  const number = value === "" ? NaN : Number(value);
  const isWithin = number >= least && number <= most;
  return isWithin ? number : refuseSetting(`a value between ${least} and ${most}`, text);
}

function pairOf(text: string, value: string): [number, number] {
  const [first = NaN, second = NaN, ...more] = value.replace(/^\((.*)\)$/, "$1").split(",")
    .map((part) => part === "" ? NaN : Number(part));
  const isPair = first >= 0 && second >= 0 && more.length === 0;
  return isPair ? [first, second] : refuseSetting("two numbers from 0 up in brackets", text);
}

/** @throws {RangeError} always. */
export function refuseSetting(expected: string, found: string): never {
  throw new RangeError(
    `Cannot use training argument "optimArgs": expected ${expected}, found "${found}"`,
  );
}
