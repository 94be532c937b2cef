/** Adapters as peft wrote them (`adapters/make.py`), on the models of `test/golden`. */
import { equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { AutoModelForAudioClassification } from "../../mod.ts";
import { channelsLast } from "../../src/commands/_golden_case.ts";
import type { AudioClassificationModel } from "../../src/models/mod.ts";
import { CheckpointError, UnsupportedOpError } from "../../src/errors.ts";
import { directoryFiles, fileSource } from "../../src/files.ts";
import { openSafetensors } from "../../src/weights/safetensors.ts";
import { encodeSafetensors, type TensorToWrite } from "../../src/weights/safetensors_writer.ts";
import { assertAllClose } from "../compare.ts";
import { GOLDEN_DIR } from "../golden_cases.ts";

const ADAPTERS = join(import.meta.dirname!, "adapters");

const CASES = ["ast", "sew-d", "wav2vec2-conformer-relative", "wav2vec2-group", "whisper"];

/** Logits of a golden case's inputs, unmasked. */
async function scoresOf(model: AudioClassificationModel, name: string): Promise<Float32Array> {
  using file = await fileSource(`${GOLDEN_DIR}/${name}/inputs.safetensors`);
  const stored = await openSafetensors(file);
  const features = stored.shape("input_features") as [number, number, number] | undefined;
  const batch = features
    ? {
      inputValues: channelsLast(await stored.read("input_features"), ...features),
      shape: [features[0], features[2], features[1]],
    }
    : {
      inputValues: await stored.read("input_values"),
      shape: [...stored.shape("input_values")!],
    };
  const rows = await model.logits(batch);
  return Float32Array.from(rows.flatMap((row) => Array.from(row)));
}

function expectedOf(name: string): { logits: number[][]; base: number[][] } {
  return JSON.parse(Deno.readTextFileSync(join(ADAPTERS, name, "expected.json")));
}

for (const name of CASES) {
  Deno.test(`an adapter of ${name} gives the scores that peft gives`, async () => {
    const { logits, base } = expectedOf(name);
    const adapter = join(ADAPTERS, name);
    const model = await AutoModelForAudioClassification.fromPretrained(join(GOLDEN_DIR, name), {
      adapter,
    });
    const own = await AutoModelForAudioClassification.fromPretrained(join(GOLDEN_DIR, name));
    try {
      assertAllClose(await scoresOf(model, name), Float32Array.from(logits.flat()), { atol: 1e-5 });
      assertAllClose(await scoresOf(own, name), Float32Array.from(base.flat()), { atol: 1e-5 });
      equal(model.loading.missing.length, 0);
    } finally {
      model.dispose();
      own.dispose();
    }
  });
}
