/**
 * Models and extractors drawn at random by Python, of the architectures that the reference kit has none of: the same
 * features, masks and scores. It runs where `EARSHOT_PYTHON` names a Python with PyTorch and transformers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { tensor } from "@tensorflow/tfjs-core";
import { loadFeatureExtractor } from "../src/features/mod.ts";
import { directoryFiles } from "../src/files.ts";
import { loadModel } from "../src/pretrained.ts";
import { assertAllClose } from "./compare.ts";
import { startTestWasm } from "./devices.ts";
import { readTensors } from "./kit.ts";

const PYTHON = Deno.env.get("EARSHOT_PYTHON");
const shown = PYTHON ? "" : " [skipped: EARSHOT_PYTHON names no Python with transformers]";
const COUNT = 50;

/** How far features may be: of values around 1, and of decibels, whose deepest the reference rounds. */
const FEATURE_LIMITS = { "wav2vec2-bert": 2e-4, "ced": 5e-2, "efficientat": 1e-4 } as const;
const SCORE_LIMIT = 5e-5;

async function drawModels(kind: string, folder: string): Promise<void> {
  const command = new Deno.Command(PYTHON!, {
    args: [join(import.meta.dirname!, "python", "random_models.py"), kind, `${COUNT}`, folder],
    env: { OMP_NUM_THREADS: "1", HF_HUB_OFFLINE: "1" },
    stderr: "piped",
  });
  const { success, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

/** The largest difference of the scores. */
async function expectSame(directory: string, featureLimit: number): Promise<number> {
  const stored = await readTensors(`${directory}/case.safetensors`);
  const files = directoryFiles(directory);
  const extractor = await loadFeatureExtractor(files);
  let at = 0;
  const samples = stored.get("samples")!.values as Float32Array;
  const clips = Array.from(stored.get("lengths")!.values, (length) => {
    return samples.subarray(at, at += length);
  });
  const batch = extractor.extract(clips, { padding: true });
  const features = stored.get("features")!;
  assertAllClose({ shape: batch.shape, values: batch.inputValues }, features, {
    atol: featureLimit,
    label: directory,
  });
  const mask = stored.get("mask");
  assert.deepEqual(batch.attentionMask, mask?.values);
  const model = await loadModel(files);
  assert.deepEqual(model.loading, { missing: [], mismatched: [], unexpected: [] });
  // Of the reference's own features, so that only the model is compared.
  const inputs = tensor(features.values as Float32Array, features.shape);
  const lengths = mask && batch.lengths;
  const { logits, pooled } = model.forward({ inputs, lengths });
  const scores = await logits.data() as Float32Array;
  const expected = stored.get("scores")!;
  const largest = Math.max(...expected.values.map(Math.abs), 1);
  assertAllClose(scores, expected.values, { atol: SCORE_LIMIT * largest, label: directory });
  for (const part of [inputs, logits, pooled]) part.dispose();
  model.dispose();
  return Math.max(...scores.map((score, i) => Math.abs(score - expected.values[i]!)));
}

for (const [kind, featureLimit] of Object.entries(FEATURE_LIMITS)) {
  Deno.test({
    name: `${COUNT} models of ${kind} drawn in Python score here as there${shown}`,
    ignore: !PYTHON,
    fn: async () => {
      const folder = await Deno.makeTempDir({ prefix: "earshot-random-" });
      const device = await startTestWasm({ threads: 1 });
      await drawModels(kind, folder);
      let worst = 0;
      for (let i = 0; i < COUNT; i++) {
        worst = Math.max(worst, await expectSame(`${folder}/${kind}-${i}`, featureLimit));
      }
      console.log(`largest difference of a score: ${worst.toExponential(1)}`);
      device.dispose();
      await Deno.remove(folder, { recursive: true });
    },
  });
}
