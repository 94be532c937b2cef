/**
 * What loading leaves behind: no byte read twice, and no tensor's numbers beside those that the device holds.
 *
 * The peak itself is measured by `deno task bench:run loading`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { directoryFiles } from "../src/files.ts";
import { buildModel } from "../src/models/mod.ts";
import { loadPretrained } from "../src/pretrained.ts";
import type { FileReader } from "../src/weights/byte_source.ts";
import { streamSafetensors } from "../src/weights/safetensors_writer.ts";
import { deviceTest } from "./devices.ts";
import { saveTinyModel, TINY_CONFIG } from "./tiny_model.ts";

interface Reading {
  start: number;
  end: number;
  bytes: Uint8Array;
}

/** The files of a directory; what is read of the weights is kept in view. */
function watched(directory: string, readings: Reading[]): FileReader {
  const files = directoryFiles(directory);
  return {
    ...files,
    async open(name) {
      const source = await files.open(name);
      if (!source || name !== "model.safetensors") return source;
      return {
        ...source,
        async read(start, end) {
          const bytes = await source.read(start, end);
          readings.push({ start, end, bytes });
          return bytes;
        },
      };
    },
  };
}

async function halve(directory: string): Promise<void> {
  const model = await buildModel(TINY_CONFIG);
  const tensors = Array.from(model.tensors(), (tensor) => ({ ...tensor, dtype: "F16" as const }));
  const chunks = streamSafetensors(tensors).chunks();
  await Deno.writeFile(`${directory}/model.safetensors`, ReadableStream.from(chunks));
  model.dispose();
}

for (const dtype of ["F32", "F16"]) {
  deviceTest(
    `fromPretrained() reads ${dtype} weights once, and keeps what a device has not copied`,
    async (device) => {
      const directory = await Deno.makeTempDir({ prefix: "earshot-memory-" });
      await saveTinyModel(`${directory}/model`);
      if (dtype === "F16") await halve(`${directory}/model`);
      const readings: Reading[] = [];
      const files = watched(`${directory}/model`, readings);
      const model = await loadPretrained(files);
      const { size } = await Deno.stat(`${directory}/model/model.safetensors`);
      assert.equal(readings.reduce((sum, { start, end }) => sum + end - start, 0), size);
      const tensors = readings.slice(2);
      assert.equal(tensors.length, model.parameters.size);
      const given = tensors.filter(({ bytes }) => bytes.length === 0);
      const kept = device.name === "webgpu" && dtype === "F32";
      assert.equal(given.length, kept ? 0 : tensors.length);
      model.dispose();
      await Deno.remove(directory, { recursive: true });
    },
  );
}
