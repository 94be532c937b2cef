import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { decodeAudio } from "../../src/audio/mod.ts";
import { type Finding, reported } from "./_finding.ts";
import { silentFlac } from "./_silent_flac.ts";
import { median, Tally } from "./_tally.ts";
import { tableOf, tableOfServices, withBlock } from "./_written.ts";

Deno.test("Tally counts statuses, and times of one status alone", () => {
  const tally = new Tally();
  for (let ms = 1; ms <= 100; ms++) tally.add({ status: 200, ms });
  tally.add({ status: 503, ms: 1_000 });
  tally.add({ status: 0, ms: 2_000 });
  deepEqual(tally.statuses, { 200: 100, 503: 1, 0: 1 });
  deepEqual([tally.quantile(0.5), tally.quantile(0.99), tally.quantile(1)], [50, 99, 100]);
  deepEqual([tally.quantile(0.5, 503), tally.quantile(0.5, 429)], [1_000, NaN]);
  equal(`${tally}`, "none: 1, 200: 100, 503: 1");
  deepEqual([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5]);
});

Deno.test("silentFlac() is a file that is decoded to silence", async () => {
  const { samples, sampleRateHz, channels } = await decodeAudio(
    silentFlac({ rateHz: 48_000, channels: 3, seconds: 20 }),
  );
  deepEqual([sampleRateHz, channels, samples.length >= 960_000], [48_000, 3, true]);
  ok(samples.every((sample) => sample === 0));
});

Deno.test("reported() hands findings on as they come, and then the error", async () => {
  const more = Promise.withResolvers<void>();
  const one: Finding = { phase: "a", what: "b", found: "c" };
  const findings = reported(async (report) => {
    report(one);
    await more.promise;
    report(one);
    throw new RangeError("over");
  });
  deepEqual((await findings.next()).value, one);
  more.resolve();
  deepEqual((await findings.next()).value, one);
  await rejects(findings.next(), /over/);
});

Deno.test("withBlock() puts a table before the mark, and the next one in its place", () => {
  const table = tableOf([{ phase: "a", what: "b|c", found: "1", isRight: false }], "About:");
  match(table, /^About:\n\n.*\n.*\n\| a \| b\/c \| 1 \| \*\*no\*\* \|$/);
  const first = withBlock("before\n\n<!-- load: all -->\nbehind", "serve", "one");
  const second = withBlock(first, "serve", "two");
  equal(second, first.replace("one", "two"));
  match(
    withBlock(second, "node", "three"),
    /before\n\n<!-- load: serve -->\n\ntwo\n\n<!-- \/load: serve -->\n\n<!-- load: node -->\n\nthree/,
  );
});

Deno.test("tableOfServices() has a column for each, and marks what is not right", () => {
  const [phase, what] = ["a", "b"];
  const table = tableOfServices({
    node: [{ phase, what, found: "1" }],
    bun: [{ phase, what, found: "2", isRight: false }, { phase, what: "c", found: "3" }],
  }, "About:");
  match(table, /\n\| a \| b \| 1 \| \*\*not right:\*\* 2 \|\n\| a \| c \| – \| 3 \|$/);
});

Deno.test("deno task load finds what serve answers, and says where something is not right", async () => {
  const options = ["--phases", "load", "--minutes", "0.02", "--overload-minutes", "0.02"];
  const args = ["task", "--quiet", "load", "--json", ...options, "--hostile-seconds", "0"];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  const findings = lines.map((line) => JSON.parse(line));
  const found = (what: string) => findings.filter((finding) => finding.what === what);
  equal(found("answers").length, 2, new TextDecoder().decode(stderr));
  // Which requests were answered how depends on the machine; that both sides count the same does not.
  for (const { isRight } of found("/metrics beside the client's counts")) equal(isRight, true);
  match(found("answers")[0].found, /200: \d+/);
  const odd = new Deno.Command(Deno.execPath(), { args: ["task", "load", "--services", "x"] });
  equal((await odd.output()).code, 2);
});
