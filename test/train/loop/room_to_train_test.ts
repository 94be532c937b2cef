/**
 * What is refused before anything is computed: trainings and models that cannot fit, and weights of 8 bits.
 *
 * @module
 */
import { doesNotThrow, rejects, throws } from "node:assert/strict";
import { expectRoomFor, loadPretrained } from "../../../src/pretrained.ts";
import { TrainingArguments } from "../../../src/train/options/arguments.ts";
import { expectRoomToTrain } from "../../../src/train/loop/_run_setup.ts";
import { Trainer } from "../../../src/train/loop/trainer.ts";
import { bytesSource } from "../../../src/weights/byte_source.ts";
import { PACKED_FILE, type PackedDtype, streamPacked } from "../../../src/weights/packed.ts";
import type { TensorSource } from "../../../src/weights/tensor_source.ts";
import { startTestWasm } from "../../devices.ts";
import { TINY_CONFIG, tinyExtractor, tinyModel } from "../../tiny_model.ts";
import { tinySource } from "../_tiny_run.ts";

const LIMIT_BYTES = 2 ** 32;

/** A model of which so many parameters are trained. */
function modelOf(parameterCount: number, trained: number): Parameters<typeof expectRoomToTrain>[0] {
  const trainable = new Map([["encoder", { size: trained }]]);
  return { parameterCount, trainable: () => trainable } as unknown as ReturnType<typeof modelOf>;
}

/** A checkpoint of one tensor that lies in no file. */
function sourceOf(shape: number[], form?: "int8-panels"): TensorSource {
  return {
    file: "big/model.safetensors",
    names: () => ["weight"],
    shape: () => shape,
    dtype: () => "F32",
    form: () => form,
    read: () => Promise.reject(new Error("read")),
    origin: () => "big/model.safetensors",
    close: () => {},
  };
}

async function trainerOf(dtype: PackedDtype): Promise<Trainer> {
  const random = await tinyModel();
  const chunks = await Array.fromAsync(streamPacked(random.tensors(), dtype).chunks());
  const files: Record<string, Uint8Array> = {
    [PACKED_FILE]: await new Blob(chunks.map((chunk) => chunk.slice())).bytes(),
    "config.json": new TextEncoder().encode(JSON.stringify(TINY_CONFIG)),
  };
  const model = await loadPretrained({
    open: (name) => Promise.resolve(files[name] && bytesSource(name, files[name])),
  });
  return new Trainer({
    model,
    args: new TrainingArguments({ outputDir: "nowhere" }),
    trainDataset: tinySource(4),
    featureExtractor: tinyExtractor(),
  });
}

Deno.test("expectRoomToTrain() refuses weights, gradients and moments above the limit", () => {
  throws(() => expectRoomToTrain(modelOf(315e6, 315e6), LIMIT_BYTES), {
    name: "DeviceError",
    reason: "memory",
    message: "Cannot train 315 M of 315 M parameters: expected weights, gradients and moments " +
      "within the 4 GB of WASM memory, found 4.7 GB",
  });
});

Deno.test("expectRoomToTrain() counts what is frozen once", () => {
  doesNotThrow(() => expectRoomToTrain(modelOf(315e6, 1e6), LIMIT_BYTES));
  doesNotThrow(() => expectRoomToTrain(modelOf(315e6, 315e6), undefined));
});

Deno.test("expectRoomFor() refuses weights above the limit, and counts 8 bits as 8", async () => {
  const device = await startTestWasm({ threads: 1 });
  try {
    throws(() => expectRoomFor(sourceOf([2 ** 15, 2 ** 15, 2])), {
      name: "DeviceError",
      message:
        'Cannot load "big/model.safetensors": expected weights within the 4 GB of WASM memory, ' +
        "found 8.0 GB",
    });
    doesNotThrow(() => expectRoomFor(sourceOf([2 ** 15, 2 ** 15, 2], "int8-panels")));
  } finally {
    device.dispose();
  }
});

Deno.test("Trainer refuses an export of 8 bits, and takes one of 32", async () => {
  const device = await startTestWasm({ threads: 1 });
  try {
    await trainerOf("f32");
    await rejects(trainerOf("q8"), {
      name: "CheckpointError",
      message:
        `Cannot train "${PACKED_FILE}": expected weights as they were trained, found an export of q8`,
    });
  } finally {
    device.dispose();
  }
});
