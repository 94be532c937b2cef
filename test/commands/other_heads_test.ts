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

/** The model for speakers with another head on the same base. */
async function writeOtherHead(directory: string): Promise<void> {
  await Deno.mkdir(directory);
  for (const { name } of Deno.readDirSync(otherHead("wavlm-xvector"))) {
    await Deno.copyFile(`${otherHead("wavlm-xvector")}/${name}`, `${directory}/${name}`);
  }
  const file = `${directory}/model.safetensors`;
  const bytes = await Deno.readFile(file);
  const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)));
  const at = 8 + headerBytes + header["feature_extractor.bias"].data_offsets[0];
  bytes[at] = bytes[at]! ^ 1;
  await Deno.writeFile(file, bytes);
}

Deno.test("embed gives vectors of speakers, and nearest wants the head that made them", async () => {
  await withFolder(async (folder) => {
    await writeFile(`${folder}/low.wav`, toneFile("low"));
    await writeFile(`${folder}/high.wav`, toneFile("high"));
    const at = { cwd: folder };
    await cliOk(["embed", ...SPEAKERS, "--output", "x.parquet", "low.wav", "high.wav"], at);
    const search = ["nearest", "--in", "x.parquet", "--json", "high.wav"];
    const [first] = jsonLines<{ file: string }>(await cliOk([...search, ...SPEAKERS], at));
    equal(first!.file, "high.wav");
    await writeOtherHead(`${folder}/other`);
    const other = await cli([...search, "--model", "other"], at);
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

Deno.test("bundle() and exportHead() refuse heads that do not classify clips", async () => {
  const device = await startTestWasm({ threads: 1 });
  const refusal = { name: "UnsupportedOpError", message: SCORES_FRAMES };
  await withFolder(async (folder) => {
    const options = { model: otherHead("wavlm-frames"), output: `${folder}/new` };
    await rejects(() => bundle(options), refusal);
    const speakers = { ...options, model: otherHead("wavlm-xvector") };
    await rejects(() => bundle(speakers), { message: /Cannot bundle.*found WavLMForXVector/ });
    await rejects(() => exportHead(options), refusal);
  });
  device.dispose();
});
