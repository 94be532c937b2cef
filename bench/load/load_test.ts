import { deepEqual, equal, match, ok } from "node:assert/strict";
import { decodeAudio } from "../../src/audio/mod.ts";
import { silentFlac } from "./_silent_flac.ts";
import { median, Tally } from "./_tally.ts";

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

Deno.test("deno task load finds what serve answers, and says where something is not right", async () => {
  const options = ["--services", "serve", "--minutes", "0.02", "--overload-minutes", "0.02"];
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
