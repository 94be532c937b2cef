/**
 * The weights of every architecture, exported and read back: all of them, in whatever form their layers left them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { tidy } from "@tensorflow/tfjs-core";
import { packWeights } from "../../src/export/_export_files.ts";
import {
  type AudioClassificationModel,
  buildModel,
  type InferenceModel,
} from "../../src/models/mod.ts";
import { loadInferenceModel } from "../../src/pretrained.ts";
import { bytesSource, type FileReader } from "../../src/weights/byte_source.ts";
import { PACKED_FILE, type PackedDtype } from "../../src/weights/packed.ts";
import { assertAllClose } from "../compare.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_ARCHITECTURES, type TinyArchitecture, tinyInputs } from "../tiny_architectures.ts";

/** How far scores may be from those of the model that was exported. */
const LIMITS: Readonly<Record<PackedDtype, number>> = { f32: 1e-5, f16: 3e-2, q8: 0.2 };

function scores(model: InferenceModel, tiny: TinyArchitecture): Float32Array {
  return tidy(() => {
    return model.forward({ inputs: tinyInputs(tiny, 2) }).logits.dataSync() as Float32Array;
  });
}

/** The model's files as an export has them. */
async function exported(
  model: AudioClassificationModel,
  tiny: TinyArchitecture,
  dtype: PackedDtype,
): Promise<FileReader> {
  const prepared = await model.prepare(dtype === "q8" ? "int8" : "float32");
  const { chunks, tensors } = packWeights(model, prepared, dtype);
  assert.ok(tensors.some(({ form }) => form !== "rows"), "no weight took a form");
  const pieces = await Array.fromAsync(chunks());
  prepared.dispose();
  const files = new Map([
    [PACKED_FILE, await new Blob(pieces.map((piece) => piece.slice())).bytes()],
    ["config.json", new TextEncoder().encode(JSON.stringify(tiny.config))],
  ]);
  const open = (name: string) => {
    const bytes = files.get(name);
    return Promise.resolve(bytes && bytesSource(name, bytes));
  };
  return { name: "exported", open };
}

for (const [modelType, tiny] of Object.entries(TINY_ARCHITECTURES)) {
  for (const dtype of ["f32", "f16", "q8"] as const) {
    Deno.test(`an export of ${modelType} in ${dtype} gives the scores of the model`, async () => {
      const device = await startTestWasm({ threads: 1 });
      const model = await buildModel(tiny.config);
      const expected = scores(model, tiny);
      const files = await exported(model, tiny, dtype);
      const read = await loadInferenceModel(files);
      assert.deepEqual(read.loading, { missing: [], mismatched: [], unexpected: [] });
      for (const call of ["first", "second"]) {
        const tolerance = { atol: LIMITS[dtype], rtol: LIMITS[dtype], label: `${call} scores` };
        assertAllClose(scores(read, tiny), expected, tolerance);
      }
      read.dispose();
      model.dispose();
      device.dispose();
    });
  }
}
