/**
 * What the benches share: options, records, ratios, trends and the page; and that the runner runs.
 *
 * Nothing here compares speeds.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  appendRecord,
  type BenchRecord,
  type BenchRow,
  besides,
  betterBy,
  lineOf,
  readHistory,
  rowOf,
} from "./_records.ts";
import { OptionError, Options } from "./_question.ts";
import { median, medianRatio, timeInTurn } from "./_timing.ts";
import { trendsOf } from "./_trend.ts";
import { pageOf } from "./report.ts";

const SPECS = {
  model: { help: "", default: "small" },
  seconds: { help: "", default: "1,5" },
  json: { help: "" },
};

function record(date: string, value: number, row: Partial<BenchRow> = {}): BenchRecord {
  const rows = [{ ...rowOf("run", value, "ms"), ...row }];
  return { date, commit: "abc1234", processor: "P", deno: "2.9.6", question: "infer", rows };
}

async function bench(...args: string[]) {
  const path = new URL("run.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", path, ...args],
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

Deno.test("Options takes what was typed, and defaults for the rest", () => {
  const options = new Options(["--seconds", "0.5,2", "--json"], SPECS);
  assert.deepEqual(options.positives("seconds"), [0.5, 2]);
  assert.equal(options.oneOf("model", ["small", "base"]), "small");
  assert.equal(options.flag("json"), true);
});

Deno.test("Options refuses strange options, words and numbers", () => {
  assert.throws(() => new Options(["--sconds", "1"], SPECS), OptionError);
  assert.throws(() => new Options(["word"], SPECS), OptionError);
  const options = new Options(["--seconds", "1,none", "--model", "huge"], SPECS);
  assert.throws(() => options.positives("seconds"), /expected --seconds above 0, found none$/);
  assert.throws(() => options.count("seconds"), OptionError);
  assert.throws(() => options.oneOf("model", ["a", "b"]), /expected --model a or b, found huge$/);
});

Deno.test("timeInTurn() runs the candidates in turn, after the warm-up", async () => {
  const calls: string[] = [];
  const [a, b] = ["a", "b"].map((name) => () => calls.push(name));
  const times = await timeInTurn([a!, b!], { rounds: 2, warmUpMs: 0 });
  assert.deepEqual(calls, ["a", "b", "a", "b", "a", "b"]);
  assert.deepEqual(times.map((one) => one.length), [2, 2]);
});

Deno.test("median() and medianRatio() take the middle", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(medianRatio([2, 30, 8], [1, 10, 2]), 3);
});

Deno.test("betterBy() is above 1 for what is better, whichever way the unit goes", () => {
  assert.equal(betterBy(5, 10, "ms"), 2);
  assert.equal(betterBy(10, 5, "rows/s"), 2);
});

Deno.test("lineOf() shows what a figure was measured beside", () => {
  assert.match(
    lineOf(besides(rowOf("run", 12.3456, "ms"), "a peer", 2.413)),
    /12\.35 ms +2\.41 x a peer$/,
  );
  assert.match(lineOf(rowOf("run", 1, "MB")), /1 MB$/);
});

Deno.test("readHistory() reads what appendRecord() added", async () => {
  const file = await Deno.makeTempFile();
  const records = [record("2026-11-22", 10), record("2026-11-30", 11)];
  for (const one of records) await appendRecord(one, file);
  assert.deepEqual(await readHistory(file), records);
  await Deno.remove(file);
});

Deno.test("the history of the repository can be read, each figure with unit and processor", async () => {
  for (const { rows, processor, question, commit } of await readHistory()) {
    assert.ok(processor && question && /^[0-9a-f]{7}\+?$/.test(commit));
    for (const { value, unit } of rows) assert.ok(value >= 0 && unit, `${question}: ${value}`);
  }
});

Deno.test("trendsOf() marks a value that is a tenth worse than the median before it", () => {
  const worseAt = (...values: number[]) =>
    trendsOf(values.map((value, i) => record(`2026-11-2${i}`, value)))[0]!.series[0]!.isRegression;
  assert.equal(worseAt(10, 10, 30, 10.9), false);
  assert.equal(worseAt(10, 10, 30, 11.5), true);
  assert.equal(worseAt(10), false);
});

Deno.test("trendsOf() marks any run more of a counted figure", () => {
  const counts = [24, 25].map((value, i) => record(`2026-11-2${i}`, value, { unit: "runs" }));
  assert.equal(trendsOf(counts)[0]!.series[0]!.isRegression, true);
});

Deno.test("trendsOf() compares no two processors", () => {
  const [fast, slow] = [record("2026-11-22", 10), record("2026-11-30", 100)];
  const [trend] = trendsOf([fast, { ...slow, processor: "Q" }]);
  assert.deepEqual(trend!.series.map((one) => one.isRegression), [false, false]);
});

Deno.test("trendsOf() takes rows beside several baselines as one figure", () => {
  const rows = ["a", "b"].map((name) => besides(rowOf("run", 10, "ms"), name, 2));
  const [trend, ...rest] = trendsOf([{ ...record("2026-11-22", 0), rows }]);
  assert.deepEqual(rest, []);
  assert.equal(trend!.series[0]!.points.length, 1);
  assert.deepEqual(trend!.beside.map(({ baseline }) => baseline), ["a", "b"]);
});

Deno.test("pageOf() draws lines from two points on, names what got worse, needs no other file", () => {
  const history = [record("2026-11-22", 10), record("2026-11-30", 20)];
  const page = pageOf(trendsOf([...history, record("2026-11-30", 1, { name: "<once>" })]));
  assert.equal(page.match(/<polyline/g)?.length, 1);
  assert.match(page, /Worse than before: 1/);
  assert.match(page, /2\.00 x worse/);
  assert.match(page, /&lt;once>/);
  assert.doesNotMatch(page, /https?:|src=|@import/);
});

for (const [task, batch] of [["infer", "1"], ["train", "2"]] as const) {
  Deno.test(`run.ts ${task} prints every figure of a model`, async () => {
    const args = ["--model", "models/voice_menu", "--seconds", "0.5", "--batch", batch];
    const { code, stdout, stderr } = await bench(task, ...args, "--rounds", "1", "--json");
    assert.equal(code, 0, stderr);
    const rows = stdout.trim().split("\n").map((line): BenchRow => JSON.parse(line));
    const figures = rows.map(({ name }) => name.split(": ")[1]);
    const shared = ["whole run", "forward pass", "of the peak", "process to model"];
    const expected = [...shared, "process to first run", "most memory"];
    if (task === "train") expected.push("memory above start");
    assert.deepEqual(figures, expected);
    assert.ok(rows.every(({ value }) => value > 0), stdout);
  });
}

Deno.test("run.ts train measures threads beside as many processes", async () => {
  const args = ["--model", "models/voice_menu", "--seconds", "0.5", "--batch", "2"];
  const threads = ["--threads", "1,2", "--side-by-side"];
  const { code, stdout, stderr } = await bench(
    "train",
    ...args,
    ...threads,
    "--rounds",
    "1",
    "--json",
  );
  assert.equal(code, 0, stderr);
  const rows = stdout.trim().split("\n").map((line): BenchRow => JSON.parse(line));
  const beside = rows.filter(({ name }) => name.endsWith("whole run"));
  assert.deepEqual(beside.map(({ baseline }) => baseline), [null, "2 processes of Earshot"]);
});

Deno.test("run.ts refuses what it cannot time, with exit code 2", async () => {
  const cases = [
    [["infer", "--dtype", "q4"], /^Cannot run the bench: expected --dtype f32.*, found q4\n$/],
    [["train", "--freeze", "head"], /expected --freeze none or encoder, found head/],
    [["infer", "--against", "/nowhere"], /expected --against a checkout of Earshot, found/],
    [["speed"], /expected a question of kernels, infer.*, found speed/],
  ] as const;
  for (const [args, message] of cases) {
    const { code, stderr } = await bench(...args);
    assert.match(stderr, message);
    assert.equal(code, 2);
  }
});

Deno.test("run.ts costs says which model it measures while it does", async () => {
  const { code, stdout, stderr } = await bench("costs", "--only", "sew");
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^1 of 1: asapp\/sew-tiny-100k, 2 layers\n1 of 1: .*, 3 layers\n/,
  );
  assert.match(stdout, /sew-tiny-100k: parameters +40\.8\d* M parameters\n/);
});

Deno.test("run.ts names a model directory that is none", async () => {
  const { code, stderr } = await bench("infer", "--model", "./models/none", "--seconds", "1");
  assert.match(stderr, /models\/none/);
  assert.equal(code, 1);
});
