import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import {
  type ComparedClip,
  comparisonOf,
  comparisonText,
  pairedClips,
} from "../../src/commands/_comparison.ts";

/** `count` clips of a label, taken for `first` and `second`. */
function clips(count: number, label: string, first: string, second: string): ComparedClip[] {
  return Array.from({ length: count }, (_, i) => {
    return { file: `${label}/${first}-${second}-${i}.wav`, label, first, second };
  });
}

// A has 14 of 20 right, B 18; A alone 1, B alone 5.
const MIXED = [
  ...clips(7, "no", "no", "no"),
  ...clips(3, "no", "yes", "no"),
  ...clips(6, "yes", "yes", "yes"),
  ...clips(1, "yes", "yes", "no"),
  ...clips(2, "yes", "no", "yes"),
  ...clips(1, "yes", "no", "maybe"),
];

Deno.test("comparisonOf() measures both, and the difference", () => {
  const { first, second, accuracy, mcNemar, f1Macro, changed } = comparisonOf(MIXED, ["a", "b"]);
  deepEqual([first.accuracy.value, second.accuracy.value], [0.7, 0.9]);
  // Wilson, by hand: (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n).
  ok(
    Math.abs(first.accuracy.low - 0.48103) < 1e-5 && Math.abs(first.accuracy.high - 0.85452) < 1e-5,
  );
  deepEqual([mcNemar.firstOnly, mcNemar.secondOnly, mcNemar.p.toFixed(6)], [1, 5, "0.218750"]);
  equal(accuracy.difference.toFixed(12), "0.200000000000");
  // "no" 2 * 7 / (10 + 10), "yes" 2 * 7 / (10 + 10); "no" 20 / 21, "yes" 16 / 18, "maybe" 0.
  equal(first.f1Macro.value, 0.7);
  ok(Math.abs(second.f1Macro.value - (20 / 21 + 16 / 18) / 3) < 1e-12);
  ok(Math.abs(f1Macro.difference - (second.f1Macro.value - 0.7)) < 1e-12);
  deepEqual(Object.keys(first.perClass), ["no", "yes", "maybe"]);
  equal(changed.length, 7);
});

Deno.test("comparisonText() says whether the difference can be chance", () => {
  const text = comparisonText(comparisonOf(MIXED, ["a", "b"]));
  match(text, /^A: a +70\.00 % \(48\.10 to 85\.45\)/m);
  match(text, /^B - A +\+20\.00 \(/m);
  match(text, /^no\/yes-no-0\.wav +no +yes +no +better$/m);
  match(text, /^yes\/no-maybe-0\.wav +yes +no +maybe +both wrong$/m);
  match(text, /^The difference can be chance: .* 22 % of the time$/m);
  const clear = [...clips(20, "no", "no", "no"), ...clips(10, "yes", "yes", "no")];
  match(
    comparisonText(comparisonOf(clear, ["a", "b"])),
    /^A \(a\) has more right: of two equally good models a difference as large would be seen 0\.20 % of the time$/m,
  );
  const same = comparisonText(comparisonOf(clips(3, "no", "no", "no"), ["a", "b"]));
  match(same, /^No clip changed\n[^]*no difference was seen$/m);
});

Deno.test("pairedClips() pairs clips by their paths, and refuses what is not the same", () => {
  const predicted = (file: string, own: string, label?: string) => {
    return { file, label, predictions: [{ label: own, score: 1 }] };
  };
  const names = ["a", "b"] as const;
  const first = [predicted("1.wav", "no", "no"), predicted("2.wav", "yes", "no")];
  const second = [predicted("2.wav", "no"), predicted("3.wav", "no")];
  deepEqual(pairedClips([first, second], names), {
    clips: [{ file: "2.wav", label: "no", first: "yes", second: "no" }],
    unpaired: 2,
  });
  const labels = new Map([["2.wav", "no"]]);
  equal(pairedClips([second, second.slice(0, 1)], names, labels).clips[0]!.label, "no");
  const error = (message: string) => ({ name: "DatasetError", message });
  throws(
    () => pairedClips([second, second], names),
    error('Cannot compare "2.wav": expected one label, found none'),
  );
  throws(
    () => pairedClips([first, [predicted("1.wav", "no", "yes")]], names),
    error('Cannot compare "1.wav": expected one label, found "no" and "yes"'),
  );
  throws(
    () => pairedClips([first, [predicted("4.wav", "no")]], names),
    error(
      'Cannot compare "a" and "b": expected the same clips, found none in both, "1.wav" and "4.wav" for example',
    ),
  );
  throws(
    () => pairedClips([first, [...second, ...second]], names),
    error('Cannot compare "b": expected each clip once, found "2.wav" twice'),
  );
});
