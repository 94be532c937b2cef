/**
 * Exported weights on every device: adopted as they are where a device has the form, plain numbers where it has not.
 *
 * @module
 */
import assert from "node:assert/strict";
import { tensor, tidy } from "@tensorflow/tfjs-core";
import { packWeight, WEIGHT_FORMS_VERSION, type WeightForm } from "../src/kernels.ts";
import type { AudioClassificationModel } from "../src/models/mod.ts";
import { loadPretrained } from "../src/pretrained.ts";
import { bytesSource, type FileReader } from "../src/weights/byte_source.ts";
import {
  PACKED_FILE,
  PACKED_VERSION,
  type PackedTensor,
  streamPacked,
} from "../src/weights/packed.ts";
import type { TensorToStream } from "../src/weights/safetensors_writer.ts";
import { assertAllClose } from "./compare.ts";
import { deviceTest } from "./devices.ts";
import { TINY_CONFIG, tinyModel, tone } from "./tiny_model.ts";

const JSON_FILES = { "config.json": TINY_CONFIG };

/** The files of a model, its linear layers in a form. */
async function exportedFiles(
  model: AudioClassificationModel,
  form: Exclude<WeightForm, "rows">,
): Promise<FileReader> {
  const tensors: (PackedTensor | TensorToStream)[] = [];
  for (const { name, shape, dtype, values } of model.tensors()) {
    const numbers = await values();
    if (shape.length !== 2 || !name.endsWith(".weight")) {
      tensors.push({ name, shape, dtype, values: () => numbers });
      continue;
    }
    const { parts } = packWeight(numbers as Float32Array, shape, { form });
    const stored = parts.map((part) => ({ ...part, values: () => part.values }));
    tensors.push({ name, form, shape: [...shape], parts: stored });
  }
  const chunks = await Array.fromAsync(streamPacked(tensors, "f32").chunks());
  const weights = await new Blob(chunks.map((chunk) => chunk.slice())).bytes();
  const files: Record<string, Uint8Array> = { [PACKED_FILE]: weights };
  for (const [name, content] of Object.entries(JSON_FILES)) {
    files[name] = new TextEncoder().encode(JSON.stringify(content));
  }
  const open = (name: string) => Promise.resolve(files[name] && bytesSource(name, files[name]));
  return { name: "exported", open };
}

async function scores(model: AudioClassificationModel): Promise<Float32Array> {
  const logits = tidy(() => model.forward({ inputs: tensor(tone(1_000), [1, 1_000]) }).logits);
  const values = await logits.data() as Float32Array;
  logits.dispose();
  return values;
}

for (const [form, tolerance] of [["panels", 0], ["int8-panels", 0.03]] as const) {
  deviceTest(
    `fromPretrained() takes weights in "${form}", and its numbers are the model's`,
    async () => {
      const model = await tinyModel();
      const expected = await scores(model);
      const files = await exportedFiles(model, form);
      const exported = await loadPretrained(files);
      assert.deepEqual(exported.loading, { missing: [], mismatched: [], unexpected: [] });
      const close = form === "panels" ? 1e-5 : 0.1;
      assertAllClose(await scores(exported), expected, { atol: close, rtol: close });
      for (const [name, parameter] of model.parameters) {
        const found = await exported.parameters.get(name)!.data() as Float32Array;
        assertAllClose(found, await parameter.data() as Float32Array, { atol: tolerance, rtol: 0 });
      }
      exported.dispose();
      model.dispose();
    },
  );
}

Deno.test("an export's version goes up with that of the forms of weights", () => {
  assert.equal(PACKED_VERSION, WEIGHT_FORMS_VERSION);
});
