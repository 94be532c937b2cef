/**
 * What a model makes of checkpoints that are complete, of the bare encoder, of pre-training, or do not fit.
 *
 * @module
 */
import assert from "node:assert/strict";
import { engine, tensor } from "@tensorflow/tfjs-core";
import { directoryFiles } from "../../src/files.ts";
import type { ParameterSource } from "../../src/layers/parameters.ts";
import { type AudioClassificationModel, buildModel } from "../../src/models/mod.ts";
import type { FileReader } from "../../src/weights/byte_source.ts";
import { openCheckpoint } from "../../src/weights/checkpoint.ts";
import { assertAllClose } from "../compare.ts";
import { kitPath, type KitTensor, kitTest, readJson, readTensors } from "../kit.ts";
import { useReference } from "../reference/backend.ts";
import { noiseInputs, scoresOf, TINY_SPEECH, withModel } from "./_architecture_case.ts";

const TINY = { ...TINY_SPEECH, model_type: "wav2vec2" };
const V = "wav2vec2.encoder.pos_conv_embed.conv.parametrizations.weight.original1";

/** The parameters of a model as a checkpoint, changed by `change`. */
function checkpointOf(
  model: AudioClassificationModel,
  change: (tensors: Map<string, { shape: number[]; values: Float32Array }>) => void,
): ParameterSource {
  const tensors = new Map(Array.from(model.parameters, ([name, parameter]) => {
    const values = parameter.dataSync() as Float32Array;
    return [name, { shape: parameter.shape as number[], values }];
  }));
  change(tensors);
  return {
    file: "old/model.safetensors",
    names: () => tensors.keys(),
    shape: (name) => tensors.get(name)?.shape,
    read: (name) => Promise.resolve(tensors.get(name)!.values),
  };
}

type Tensors = Parameters<Parameters<typeof checkpointOf>[1]>[0];

/** Runs a body with a checkpoint of a tiny model of seed 1, and with its scores. */
async function withCheckpoint(
  change: (tensors: Tensors) => void,
  body: (source: ParameterSource, scores: number[]) => Promise<void>,
): Promise<void> {
  await withModel(TINY, async (model) => {
    const scores = scoresOf(model, noiseInputs(1, 100));
    await body(checkpointOf(model, change), scores);
  }, { seed: 1 });
}

function rename(tensors: Tensors, from: string, to: string): void {
  tensors.set(to, tensors.get(from)!);
  tensors.delete(from);
}

Deno.test("buildModel() takes every tensor from a complete checkpoint", async () => {
  await withCheckpoint(() => {}, async (source, scores) => {
    await withModel(TINY, (model) => {
      assert.deepEqual(model.loading, { missing: [], mismatched: [], unexpected: [] });
      assert.deepEqual(scoresOf(model, noiseInputs(1, 100)), scores);
      model.expectComplete("old");
    }, { source, seed: 2 });
  });
});

Deno.test("buildModel() reads the older names of the weight norm", async () => {
  const older = (tensors: Tensors) => {
    rename(tensors, V, V.replace(/parametrizations.*/, "weight_v"));
    rename(
      tensors,
      V.replace("original1", "original0"),
      V.replace(/parametrizations.*/, "weight_g"),
    );
  };
  await withCheckpoint(older, async (source, scores) => {
    await withModel(TINY, (model) => {
      assert.deepEqual(model.loading, { missing: [], mismatched: [], unexpected: [] });
      assert.deepEqual(scoresOf(model, noiseInputs(1, 100)), scores);
      assert.ok(model.parameters.has(V));
    }, { source, seed: 2 });
  });
});

Deno.test("buildModel() draws what is missing, and reports it with what is left over", async () => {
  const change = (tensors: Tensors) => {
    tensors.delete("classifier.weight");
    tensors.delete("classifier.bias");
    tensors.set("lm_head.weight", { shape: [1], values: Float32Array.of(1) });
  };
  await withCheckpoint(change, async (source) => {
    await withModel(TINY, (model) => {
      assert.deepEqual(model.loading, {
        missing: ["classifier.weight", "classifier.bias"],
        mismatched: [],
        unexpected: ["lm_head.weight"],
      });
      assert.ok(model.parameters.get("classifier.weight")!.dataSync().some((value) => value !== 0));
      assert.throws(() => model.expectComplete("old/config.json"), {
        name: "CheckpointError",
        file: "old/config.json",
        key: "classifier.weight",
        message: `Cannot classify with "old/config.json": expected ${model.parameters.size} ` +
          "tensors, found 2 missing: classifier.weight, classifier.bias; not used: lm_head.weight",
        hint: "Fine-tune it first, or name a model that has a classifier",
      });
    }, { source });
  });
});

Deno.test("expectComplete() advises other weights where the base model has gaps", async () => {
  const change = (tensors: Tensors) => tensors.delete("wav2vec2.encoder.layer_norm.weight");
  await withCheckpoint(change, async (source) => {
    await withModel(TINY, (model) => {
      assert.throws(() => model.expectComplete("old"), {
        key: "wav2vec2.encoder.layer_norm.weight",
        hint: "Get the weights again: part of them is not there",
      });
    }, { source });
  });
});

Deno.test("buildModel() refuses tensors of another shape, or draws them where asked to", async () => {
  await withCheckpoint(() => {}, async (source) => {
    const labels = ["a", "b", "c", "d"];
    const before = engine().memory().numTensors;
    await assert.rejects(buildModel(TINY, { source, labels }), {
      name: "CheckpointError",
      file: "old/model.safetensors",
      key: "classifier.weight",
      message: 'Cannot load tensor "classifier.weight" of "old/model.safetensors": ' +
        "expected shape [4,4], found [3,4]",
    });
    assert.equal(engine().memory().numTensors, before);
    await withModel(TINY, (model) => {
      assert.deepEqual(model.loading.mismatched, ["classifier.weight", "classifier.bias"]);
      assert.deepEqual(model.loading.missing, []);
      assert.equal(scoresOf(model, noiseInputs(1, 100)).length, 4);
      assert.throws(() => model.expectComplete("old"), /2 missing: classifier.weight/);
    }, { source, labels, ignoreMismatchedSizes: true });
  });
});

Deno.test("buildModel() frees everything when reading fails", async () => {
  const broken = new RangeError("Cannot read: the disk is gone");
  await withCheckpoint(() => {}, async (source) => {
    const before = engine().memory().numTensors;
    const read = (name: string) =>
      name === "classifier.bias" ? Promise.reject(broken) : source.read(name);
    await assert.rejects(
      buildModel(TINY, { source: { ...source, read } }),
      (error) => error === broken,
    );
    assert.equal(engine().memory().numTensors, before);
  });
});

Deno.test("AudioClassificationModel.assign() takes all values, or names what does not fit", async () => {
  await withCheckpoint(() => {}, async (source, scores) => {
    await withModel(TINY, async (model) => {
      await model.assign(source);
      assert.deepEqual(scoresOf(model, noiseInputs(1, 100)), scores);
    }, { seed: 2 });
  });
  const broken: [(tensors: Tensors) => void, RegExp][] = [
    [(tensors) => tensors.delete("projector.bias"), /expected shape \[4\], found nothing$/],
    [
      (tensors) => tensors.get("projector.bias")!.shape = [2, 2],
      /expected shape \[4\], found \[2,2\]$/,
    ],
  ];
  for (const [change, message] of broken) {
    await withCheckpoint(change, async (source) => {
      await withModel(TINY, async (model) => {
        const refused = { name: "CheckpointError", key: "projector.bias", message };
        await assert.rejects(model.assign(source), refused);
      });
    });
  }
});

interface ExpectedKeys {
  missing_keys: string[];
  unexpected_keys: string[];
  mismatched_keys: string[];
}

/** The last hidden state of a batch. */
function lastState(model: AudioClassificationModel, inputs: KitTensor): Float32Array {
  const batch = tensor(inputs.values as Float32Array, inputs.shape);
  const output = model.forward({ inputs: batch }, { outputHiddenStates: true });
  return output.hiddenStates!.at(-1)!.dataSync() as Float32Array;
}

for (const kind of ["bare", "pretraining"]) {
  kitTest(`buildModel() loads the kit's ${kind} checkpoint as the reference does`, async () => {
    await useReference();
    const directory = kitPath("wav2vec2-group", kind);
    const expected = await readJson<ExpectedKeys>(`${directory}/expected.json`);
    const inputs = (await readTensors(kitPath("wav2vec2-group", "inputs.safetensors")))
      .get("input_values")!;
    const states = (await readTensors(kitPath("wav2vec2-group", "formats.safetensors")))
      .get("last_hidden_state")!;
    const source = await openCheckpoint(directoryFiles(directory));
    await withModel(await readJson(`${directory}/config.json`), (model) => {
      const { missing, mismatched, unexpected } = model.loading;
      assert.deepEqual(missing.sort(), expected.missing_keys);
      assert.deepEqual(unexpected.sort(), expected.unexpected_keys);
      assert.deepEqual(mismatched, expected.mismatched_keys);
      assertAllClose(lastState(model, inputs), states.values, { atol: 5e-4 });
      const config = model.toConfig();
      assert.deepEqual(config.architectures, ["Wav2Vec2ForSequenceClassification"]);
    }, { source });
    source.close();
  });
}

/** Files of the kit's group case under which names a model directory would have them. */
const FORMATS: Record<string, { folder?: string; files: Record<string, string>; scores: string }> =
  {
    "safetensors": { files: { "model.safetensors": "model.safetensors" }, scores: "logits" },
    "zip": { files: { "pytorch_model.bin": "pytorch_model.bin" }, scores: "logits" },
    "legacy": { folder: "legacy", files: {}, scores: "logits" },
    "shards": { folder: "sharded", files: {}, scores: "logits" },
    "zip shards": { folder: "sharded-bin", files: {}, scores: "logits" },
    "f16": { files: { "model.safetensors": "model.f16.safetensors" }, scores: "f16.logits" },
    "bf16": { files: { "model.safetensors": "model.bf16.safetensors" }, scores: "bf16.logits" },
  };

for (const [format, { folder, files, scores }] of Object.entries(FORMATS)) {
  kitTest(`buildModel() scores as the reference from the kit's weights as ${format}`, async () => {
    await useReference();
    const directory = kitPath("wav2vec2-group");
    const inner = directoryFiles(folder ? `${directory}/${folder}` : directory);
    const renamed: FileReader = folder ? inner : {
      name: directory,
      open: (name) => files[name] ? inner.open(files[name]!) : Promise.resolve(undefined),
    };
    const source = await openCheckpoint(renamed);
    const inputs = (await readTensors(`${directory}/inputs.safetensors`)).get("input_values")!;
    const expected = (await readTensors(`${directory}/formats.safetensors`)).get(scores)!;
    await withModel(await readJson(`${directory}/config.json`), (model) => {
      model.expectComplete(directory);
      const batch = tensor(inputs.values as Float32Array, inputs.shape);
      const atol = format.endsWith("16") ? 1e-4 : 5e-5;
      assertAllClose(scoresOf(model, batch), expected.values, { atol });
    }, { source });
    source.close();
  });
}
