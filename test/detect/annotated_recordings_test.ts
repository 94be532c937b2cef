import { deepEqual, throws } from "node:assert/strict";
import { annotatedRecordings } from "../../src/detect/annotated_recordings.ts";
import type { AnnotationTable } from "../../src/detect/annotations.ts";

function tableOf(...names: string[]): AnnotationTable {
  const events = (name: string, i: number) => [{ start: i, end: i + 1, label: name }];
  return { kind: "csv", recordings: new Map(names.map((name, i) => [name, events(name, i)])) };
}

function placed(names: string[], paths: string[]): [string, string][] {
  const { events } = annotatedRecordings([tableOf(...names)], paths);
  return Array.from(events, ([path, [event]]) => [event!.label, path]);
}

Deno.test("annotatedRecordings() finds a recording by path, by name and without its ending", () => {
  const paths = ["day/yard.wav", "night/yard.wav", "road.2.flac"];
  deepEqual(placed(["night/yard.wav"], paths), [["night/yard.wav", "night/yard.wav"]]);
  deepEqual(placed(["C:\\rec\\day\\yard.wav"], paths), [["C:\\rec\\day\\yard.wav", paths[0]!]]);
  deepEqual(placed(["road.2"], paths), [["road.2", "road.2.flac"]]);
  deepEqual(placed(["./far/road.2.mp3"], paths), [["./far/road.2.mp3", "road.2.flac"]]);
});

Deno.test("annotatedRecordings() takes a whole path before the same name in a folder", () => {
  deepEqual(placed(["yard.wav"], ["night/yard.wav", "yard.wav"]), [["yard.wav", "yard.wav"]]);
});

Deno.test("annotatedRecordings() refuses a name that could mean several recordings", () => {
  throws(() => placed(["yard.wav"], ["day/yard.wav", "night/yard.wav"]), {
    name: "DatasetError",
    message: 'Cannot use the annotations of "yard.wav": expected one recording of that name, ' +
      "found 2: day/yard.wav, night/yard.wav",
  });
});

Deno.test("annotatedRecordings() gives no recording the sounds of one that is missing", () => {
  const table = tableOf("day/yard.wav", "night/yard.wav", "gone.wav");
  const { events, missing } = annotatedRecordings([table], ["day/yard.wav"]);
  deepEqual(Array.from(events.values(), (found) => found.length), [1]);
  deepEqual(missing, ["night/yard.wav", "gone.wav"]);
});

Deno.test("annotatedRecordings() joins tables in order of time, and lists what none names", () => {
  const tables = [tableOf("x.wav", "a.wav"), tableOf("a")];
  const { events, unlabelled } = annotatedRecordings(tables, ["a.wav", "b.wav"]);
  deepEqual(events.get("a.wav")!.map(({ start }) => start), [0, 1]);
  deepEqual(unlabelled, ["b.wav"]);
});
