/**
 * The package as its users get it: only the published files, in another place.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeWav } from "../src/audio/encode_wav.ts";
import { useDevice } from "../src/devices.ts";
import { Wav2Vec2FeatureExtractor } from "../src/features/mod.ts";
import { buildModel } from "../src/models/model.ts";
import { savePretrained } from "../src/pretrained.ts";

const ROOT = join(import.meta.dirname!, "..");

interface Printed {
  /** On standard output. */
  out: string;
  /** On standard error, where deno also tells of downloads. */
  err: string;
}

/** Runs deno and gives what it printed. */
async function deno(args: string[], cwd: string): Promise<Printed> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd, env: { NO_COLOR: "1" } });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  const printed = { out: decoder.decode(stdout), err: decoder.decode(stderr) };
  assert.equal(code, 0, `deno ${args[0]} failed:\n${printed.out}${printed.err}`);
  return printed;
}

/** What would be published, as paths inside the repository. */
async function publishedFiles(): Promise<string[]> {
  const { out, err } = await deno(["publish", "--dry-run", "--allow-dirty", "--no-check"], ROOT);
  const files = Array.from((out + err).matchAll(/(file:\/\/\S+) \(/g), (match) => match[1]!);
  return files.map((url) => fileURLToPath(url).slice(ROOT.length + 1));
}

/** A model directory with random weights, and a clip beside it. */
async function writeModelAndClip(directory: string): Promise<void> {
  const device = await useDevice({ backend: "wasm", threads: 1 });
  const sizes = { hidden_size: 16, num_attention_heads: 2, intermediate_size: 16 };
  const encoder = { conv_dim: [8, 8], conv_kernel: [10, 8], conv_stride: [5, 8] };
  const config = { model_type: "wav2vec2", num_hidden_layers: 1, ...sizes, ...encoder };
  const model = await buildModel(config, { labels: ["no", "yes"] });
  await savePretrained(`${directory}/model`, model, new Wav2Vec2FeatureExtractor());
  const tone = Float32Array.from({ length: 8000 }, (_, i) => Math.sin(i / 9));
  await Deno.writeFile(`${directory}/clip.wav`, encodeWav(tone, 8000));
  model.dispose();
  device.dispose();
}

const SCRIPT = `
import { pipeline } from "./mod.ts";
const classifier = await pipeline("audio-classification", "model");
console.log(JSON.stringify(await classifier("clip.wav")));
`;

Deno.test("the published files alone classify a clip", async () => {
  const files = await publishedFiles();
  for (const file of ["mod.ts", "cli.ts", "deno.json", "LICENSE", "README.md", "edge/mod.ts"]) {
    assert.ok(files.includes(file), `${file} is not published`);
  }
  const strangers = files.filter((file) => /^(test|bench|examples|models|\.ci)\//.test(file));
  assert.deepEqual(strangers, []);
  const directory = await Deno.makeTempDir();
  try {
    for (const file of files) {
      await Deno.mkdir(dirname(join(directory, file)), { recursive: true });
      await Deno.copyFile(join(ROOT, file), join(directory, file));
    }
    await writeModelAndClip(directory);
    await Deno.writeTextFile(`${directory}/classify.ts`, SCRIPT);
    const args = ["run", "--no-lock", "--node-modules-dir=none", "--no-prompt", "--allow-read=."];
    const { out } = await deno([...args, "classify.ts"], directory);
    const predictions = JSON.parse(out);
    assert.deepEqual(predictions.map(({ label }: { label: string }) => label).sort(), [
      "no",
      "yes",
    ]);
    const total = predictions.reduce((sum: number, { score }: { score: number }) => sum + score, 0);
    assert.ok(Math.abs(total - 1) < 1e-6);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
