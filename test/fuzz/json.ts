/**
 * JSON that is wrong somewhere: a value of another kind or size, a field too much or too few, or broken text.
 *
 * @module
 */
import type { Dice } from "./dice.ts";

const MAX_DEPTH = 20_000;

/** Values that belong nowhere, or nearly. */
function strangeValue(dice: Dice): unknown {
  return dice.pick<() => unknown>([
    () => null,
    () => dice.pick([0, 1, -1, 0.5, 2 ** 31, 2 ** 53, 1e300, -1e9, 4096, 100_000]),
    () =>
      dice.pick(["", "x", "__proto__", "constructor", "\u0000", "é".repeat(300), "1e9", "null"]),
    () => dice.pick([true, false]),
    () => [],
    () => ({}),
    () => Array.from({ length: dice.roll(40) }, () => dice.roll(300)),
    () => ({ [dice.pick(["0", "a", "__proto__", "toString"])]: dice.roll(3) }),
    () => "x".repeat(dice.roll(3_000)),
  ])();
}

/** The same object with up to three fields that are wrong. */
export function brokenJson(sound: unknown, dice: Dice): unknown {
  let value = structuredClone(sound);
  for (let times = dice.roll(4); times > 0; times--) value = changed(value, dice);
  return value;
}

function changed(value: unknown, dice: Dice): unknown {
  if (typeof value !== "object" || value === null || dice.roll(8) === 0) return strangeValue(dice);
  const holder = value as Record<string, unknown>;
  const keys = Object.keys(holder);
  const key = keys.length > 0 ? dice.pick(keys) : "x";
  switch (dice.roll(6)) {
    case 0:
      if (Array.isArray(value)) value.splice(dice.roll(value.length + 1), 1);
      else delete holder[key];
      return value;
    case 1:
      if (Array.isArray(value)) value.push(strangeValue(dice));
      else holder[dice.pick(["x", "__proto__", key + " "])] = strangeValue(dice);
      return value;
    default:
      holder[key] = changed(holder[key], dice);
      return value;
  }
}

/** The text of a value; now and then damaged, or nested as deeply as a parser may be asked to go. */
export function broken(value: unknown, dice: Dice, maxDepth = MAX_DEPTH): Uint8Array {
  const text = JSON.stringify(value) ?? "null";
  const bytes = new TextEncoder().encode(text);
  switch (dice.roll(12)) {
    case 0:
      return dice.damage(bytes, 3);
    case 1: {
      const depth = dice.roll(maxDepth);
      const [open, close] = dice.pick([["[", "]"], ['{"a":', "}"]]);
      const nested = open!.repeat(depth) + "1" + close!.repeat(depth);
      const place = text.indexOf(":");
      const whole = place < 0 ? nested : `${text.slice(0, place + 1)}${nested}}`;
      return new TextEncoder().encode(whole);
    }
    default:
      return bytes;
  }
}
