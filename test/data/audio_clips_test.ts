/**
 * From rows to clips: which columns, what kinds of labels, and rows that cannot be trained on.
 *
 * @module
 */

import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { encodeWav } from "../../src/audio/encode_wav.ts";
import {
  audioClips,
  audioColumnOf,
  labelNamesOf,
  labelTypeOf,
} from "../../src/data/audio_clips.ts";
import { alignLabels } from "../../src/data/audio_dataset.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { badClips, clipDurations } from "../../src/data/durations.ts";
import { Audio, ClassLabel, type Feature, Sequence, Value } from "../../src/data/features.ts";
import { loadDataset } from "../../src/data/load_dataset.ts";
import { ClipLoader } from "../../src/data/loader.ts";

/** Rows with a short recording each, and one more column. */
function labelled(values: unknown[], type: Feature, column = "label"): Dataset {
  const bytes = encodeWav(new Float32Array(800).fill(0.1), 8_000);
  const rows = values.map((value) => ({ audio: { path: null, bytes }, [column]: value }));
  return Dataset.fromRows<Record<string, unknown>>(rows, {
    audio: new Audio(),
    [column]: type,
  });
}

const CLASSES = new ClassLabel(["no", "yes"]);

Deno.test("audioClips() numbers classes, words and whole numbers", async () => {
  const labels = async (dataset: Dataset) => {
    const { labels, clips } = await audioClips(dataset);
    return [labels, clips.map((clip) => clip.label)];
  };
  deepEqual(await labels(labelled([1, 0], CLASSES)), [["no", "yes"], [1, 0]]);
  const digits = new ClassLabel(["1", "0"]);
  deepEqual(await labels(labelled([0, 1], digits)), [["1", "0"], [0, 1]]);
  deepEqual(await labels(labelled(["b", "a", "b"], new Value("string"))), [["a", "b"], [1, 0, 1]]);
  deepEqual(await labels(labelled([10, 9], new Value("int64"))), [["9", "10"], [1, 0]]);
});

Deno.test("audioClips() gives several labels and numbers as targets", async () => {
  const several = await audioClips(labelled([[1], [], [0, 1]], new Sequence(CLASSES)));
  equal(several.kind, "multi_label_classification");
  deepEqual(several.clips.map(({ targets }) => targets), [[0, 1], [0, 0], [1, 1]]);
  const turned = alignLabels(several, ["yes", "maybe", "no"]);
  deepEqual(turned.clips.map(({ targets }) => targets), [[1, 0, 0], [0, 0, 0], [1, 0, 1]]);
  throws(() => alignLabels(several, ["yes"]), /expected labels that the model knows, found "no"/);
  const number = await audioClips(labelled([0.5, 2], new Value("float32")));
  deepEqual([number.kind, number.clips.map(({ targets }) => targets)], [
    "regression",
    [[0.5], [2]],
  ]);
});

Deno.test("audioClips() reads a clip's row when it is loaded", async () => {
  const dataset = labelled([0, 1, 1], CLASSES);
  const clips = await audioClips(dataset.select([2, 0]));
  deepEqual(clips.clips.map(({ file, label }) => [file, label]), [["rows, row 2", 1], [
    "rows, row 0",
    0,
  ]]);
  deepEqual(await clipDurations(clips.clips), Float64Array.of(0.1, 0.1));
  const loader = new ClipLoader(clips, { samplingRate: 16_000 });
  const [batch] = await Array.fromAsync(loader.batches([[0, 1]]));
  deepEqual([batch!.clips.map(({ length }) => length), batch!.labels], [
    [1_600, 1_600],
    Int32Array.of(1, 0),
  ]);
});

Deno.test("audioClips() leaves broken rows out where they are to be skipped", async () => {
  const file = join(import.meta.dirname!, "..", "golden", "datasets", "broken.parquet");
  const dataset = (await loadDataset(file, { split: "train" })).select([0, 1, 2, 4]);
  const clips = await audioClips(dataset);
  const loader = new ClipLoader(clips, { samplingRate: 8_000, skipBadFiles: true });
  const [batch] = await Array.fromAsync(loader.batches([[0, 1, 2, 3]]));
  deepEqual(batch!.indices, [0, 2]);
  deepEqual(loader.skipped.map((notice) => notice.file.slice(file.length)), [", row 1", ", row 4"]);
  const strict = new ClipLoader(clips, { samplingRate: 8_000 });
  await rejects(Array.fromAsync(strict.batches([[1]])), {
    name: "AudioFormatError",
    message: /broken\.parquet, row 1": expected audio, found plain text/,
  });
});

Deno.test("audioClips() names rows without a label, and data without rows", async () => {
  const refused = (values: unknown[], type: Feature, message: string | RegExp) =>
    rejects(audioClips(labelled(values, type)), { name: "DatasetError", message });
  const row = "Cannot use label of rows, row 1: expected";
  await refused([0, -1], CLASSES, `${row} one of 2 labels, found -1`);
  await refused([0, null], CLASSES, `${row} one of 2 labels, found null`);
  await refused(["a", null], new Value("string"), `${row} one of 1 labels, found null`);
  await refused([0.5, null], new Value("float32"), `${row} a number, found null`);
  await refused([], CLASSES, 'Cannot use data set "all": expected rows, found none');
});

Deno.test("audioClips() makes clips that cannot be opened of such rows where they are to be skipped", async () => {
  const found = async (values: unknown[], type: Feature) => {
    const { clips } = await audioClips(labelled(values, type), { skipBadFiles: true });
    deepEqual((await badClips(clips)).map(({ index }) => index), [1]);
    return clips.map(({ targets, label }) => targets ?? label);
  };
  deepEqual(await found([1, -1, 0], CLASSES), [1, 0, 0]);
  deepEqual(await found(["b", null, "a"], new Value("string")), [1, 0, 0]);
  deepEqual(await found([[1], [7], [0]], new Sequence(CLASSES)), [[0, 1], [0, 0], [1, 0]]);
  deepEqual(await found([0.5, null, 2], new Value("float32")), [[0.5], [0], [2]]);
});

Deno.test("columns are found by type or name, and listed where they are not", () => {
  const dataset = labelled([0], CLASSES, "intent");
  deepEqual([audioColumnOf(dataset), labelTypeOf(dataset).column], ["audio", "intent"]);
  equal(audioColumnOf(dataset.renameColumn("audio", "clip")), "clip");
  const both = Dataset.fromRows([{ audio: "a.wav", intent: 0, language: 0 }], {
    audio: new Value("string"),
    intent: CLASSES,
    language: CLASSES,
  });
  equal(audioColumnOf(both), "audio");
  equal(labelTypeOf(both, { labelColumn: "language" }).column, "language");
  throws(() => labelTypeOf(both), {
    name: "DatasetError",
    message: 'Cannot use data set "all": expected a column "label", found "intent", "language"',
    hint: "Name the column with `labelColumn`",
  });
  throws(() => audioColumnOf(both, { audioColumn: "intent" }), {
    name: "DatasetError",
    message: /expected recordings or their paths, found ClassLabel/,
  });
  throws(() => labelTypeOf(both.renameColumn("audio", "label").castColumn("label", new Audio())), {
    name: "DatasetError",
    message: 'Cannot use column "label" of "all": expected labels, found recordings',
  });
});

Deno.test("audioColumnOf() takes a column of paths where there are no recordings", () => {
  const rows = [{ word: "yes", path: "a.wav" }];
  equal(audioColumnOf(Dataset.fromRows(rows)), "path");
  const clips = Dataset.fromRows([{ path: "a.wav", clip: "a.wav" }]);
  equal(audioColumnOf(clips.castColumn("clip", new Audio())), "clip");
  throws(() => audioColumnOf(Dataset.fromRows([{ word: "yes", path: 1 }])), {
    message: /expected a column of recordings, found "word" \(Value\('string'\)\), "path"/,
  });
});

Deno.test("labelNamesOf() joins the words of all splits", async () => {
  const splits = ["b", "a"].map((word) => labelled([word, null], new Value("string")));
  deepEqual(await labelNamesOf(splits, labelTypeOf(splits[0]!)), ["a", "b"]);
});

Deno.test("classLabel() gives the classes of a column", () => {
  const dataset = labelled([0], CLASSES);
  equal(dataset.classLabel("label").int2str(1), "yes");
  throws(() => dataset.classLabel("audio"), {
    name: "DatasetError",
    message: /Cannot name the classes of column "audio": expected classes, found Audio/,
  });
});
