/**
 * Commands on models whose heads do not classify clips.
 *
 * @module
 */
import { equal, match, rejects } from "node:assert/strict";
import { bundle } from "../../src/commands/bundle.ts";
import { exportHead } from "../../src/export/mod.ts";
import type { ModelInfo } from "../../src/commands/info.ts";
import { startTestWasm } from "../devices.ts";
import { otherHead } from "../other_heads.ts";
import { cli, cliOk, jsonLines, toneFile, withFolder, writeFile } from "./_command_line.ts";

const SPEAKERS = ["--model", otherHead("wavlm-xvector")];
const FRAMES = ["--model", otherHead("wavlm-frames")];
const SCORES_FRAMES =
  /expected WavLMForSequenceClassification, found WavLMForAudioFrameClassification, which scores each frame/;

Deno.test("embed gives vectors of speakers, and nearest wants the head that made them", async () => {
  await withFolder(async (folder) => {
    await writeFile(`${folder}/low.wav`, toneFile("low"));
    await writeFile(`${folder}/high.wav`, toneFile("high"));
    const at = { cwd: folder };
    await cliOk(["embed", ...SPEAKERS, "--output", "x.parquet", "low.wav", "high.wav"], at);
    const search = ["nearest", "--in", "x.parquet", "--json", "high.wav"];
    const [first] = jsonLines<{ file: string }>(await cliOk([...search, ...SPEAKERS], at));
    equal(first!.file, "high.wav");
    const other = await cli([...search, "--model", otherHead("wav2vec2-xvector")], at);
    equal(other.code, 2);
    match(other.stderr, /expected vectors of a model of fingerprint/);
  });
});

Deno.test("info says what a head gives", async () => {
  for (const [args, head] of [[SPEAKERS, "xvector"], [FRAMES, "frames"]] as const) {
    const [info] = jsonLines<ModelInfo>(await cliOk(["info", ...args, "--json"]));
    equal(info!.head, head);
  }
});

Deno.test("predict and serve refuse a model that scores frames in one line", async () => {
  await withFolder(async (folder) => {
    await writeFile(`${folder}/low.wav`, toneFile("low"));
    for (const args of [["predict", "low.wav"], ["serve", "--port", "0"]]) {
      const { code, stderr } = await cli([...args, ...FRAMES], { cwd: folder });
      equal(code, 1, args[0]);
      match(stderr, SCORES_FRAMES);
    }
  });
});

Deno.test("bundle() and exportHead() refuse a model that scores frames", async () => {
  const device = await startTestWasm({ threads: 1 });
  const refusal = { name: "UnsupportedOpError", message: SCORES_FRAMES };
  await withFolder(async (folder) => {
    const options = { model: otherHead("wavlm-frames"), output: `${folder}/new` };
    await rejects(() => bundle(options), refusal);
    await rejects(() => exportHead(options), refusal);
  });
  device.dispose();
});
