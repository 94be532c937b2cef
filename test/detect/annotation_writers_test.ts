import { deepEqual, equal } from "node:assert/strict";
import { ANNOTATION_FORMATS, type WrittenEvent } from "../../src/detect/annotation_writers.ts";
import { parseAnnotations } from "../../src/detect/annotations.ts";

const EVENTS: WrittenEvent[] = [
  { file: "night/yard.wav", start: 0, end: 1e-5, label: "dog, big", score: 0.875 },
  { file: "night/yard.wav", start: 1.5, end: 2.25, label: 'a "cat"' },
];

function written(name: keyof typeof ANNOTATION_FORMATS, events = EVENTS): string {
  const { heading, line } = ANNOTATION_FORMATS[name].writer();
  return heading + events.map(line).join("");
}

Deno.test("every format that is written is read back", () => {
  for (const name of Object.keys(ANNOTATION_FORMATS) as (keyof typeof ANNOTATION_FORMATS)[]) {
    const { kind, recordings } = parseAnnotations(written(name), { file: "yard.txt" });
    equal(kind, name);
    const file = { audacity: "yard", raven: "yard.wav" }[name as string] ?? "night/yard.wav";
    const expected = EVENTS.map(({ start, end, label }) => ({ start, end, label }));
    deepEqual(recordings, new Map([[file, expected]]), name);
  }
});

Deno.test("the formats have the columns that their programs know", () => {
  equal(
    written("jsonl").split("\n")[0],
    '{"file":"night/yard.wav","start":0,"end":0.00001,"label":"dog, big","score":0.875}',
  );
  equal(written("csv").split("\n")[1], 'night/yard.wav,0,0.00001,"dog, big",0.875');
  equal(written("audacity").split("\n")[0], "0.000000\t0.000010\tdog, big");
  equal(
    written("raven").split("\n")[2],
    '2\tSpectrogram 1\t1\t1.500000\t2.250000\tyard.wav\tnight/yard.wav\ta "cat"\t',
  );
  equal(written("kaleidoscope").split("\n")[2], 'night,,yard.wav,0,1.5,0.75,"a ""cat""",,');
});

Deno.test("a label cannot end its line", () => {
  const events = [{ file: "a.wav", start: 1, end: 2, label: "one\ttwo\r\nthree" }];
  for (const name of ["audacity", "raven"] as const) {
    const [[found]] = [...parseAnnotations(written(name, events)).recordings.values()] as [
      [WrittenEvent],
    ];
    equal(found.label, "one two three", name);
  }
});
