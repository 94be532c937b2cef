/**
 * Models whose heads do not classify clips, against the reference on the cases of `test/golden/other_heads`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dispose, type Tensor, tensor } from "@tensorflow/tfjs-core";
import { buildModel, type JsonObject, type ModelOutput } from "../../src/models/mod.ts";
import { assertAllClose } from "../compare.ts";
import { deviceTest } from "../devices.ts";
import { OTHER_HEADS, otherHead, type OtherHeadCase, withOtherHead } from "../other_heads.ts";
import { readJson } from "../kit.ts";
import { useReference } from "../reference/backend.ts";
import { TINY_SPEECH, withModel } from "./_architecture_case.ts";

const LIMIT = 5e-5;

/** What a model gives of speakers, by the names of the reference. */
async function speakerOutputs(
  { model, batch }: OtherHeadCase,
  { logits, pooled }: ModelOutput,
): Promise<Record<string, number[]>> {
  const scores = await model.scoresOf({ logits, pooled }, batch.shape[0]!);
  return {
    logits: Array.from(await logits.data()),
    embeddings: Array.from(await pooled.data()),
    cosines: scores.flatMap((row) => [...row]),
  };
}

/** Rows of the frames that are no padding; of those that are the reference says nothing of use. */
function validFrames(
  values: Float32Array,
  { shape: [clips, frames, size], lengths }: { shape: number[]; lengths?: number[] },
): number[] {
  return Array.from({ length: clips! }, (_, clip) => {
    const from = clip * frames! * size!;
    return [...values.subarray(from, from + (lengths?.[clip] ?? frames!) * size!)];
  }).flat();
}

async function expectReference(found: OtherHeadCase): Promise<void> {
  const { model, batch: { inputValues, shape, lengths }, read } = found;
  const inputs = tensor(inputValues, shape);
  const output = model.forward({ inputs, lengths }, { outputHiddenStates: true });
  const { logits, frameLengths } = output;
  const isOfFrames = model.headKind === "frames";
  const valid = { shape: logits.shape, lengths: isOfFrames ? frameLengths?.last : undefined };
  const outputs = isOfFrames
    ? { logits: validFrames(await logits.data() as Float32Array, valid) }
    : await speakerOutputs(found, output);
  for (const [name, values] of Object.entries(outputs)) {
    const wanted = await read(name);
    const expected = isOfFrames ? validFrames(wanted, valid) : wanted;
    assertAllClose(values, expected, { atol: LIMIT, label: name });
  }
  dispose([inputs, logits, output.pooled, output.lastHiddenState!, ...output.hiddenStates!]);
  output.convFeatures?.dispose();
}

for (const name of OTHER_HEADS) {
  deviceTest(`case ${name} agrees with the reference`, async () => {
    await withOtherHead(name, async (found) => {
      const nothing = { missing: [], mismatched: [], unexpected: [] };
      assert.deepEqual(found.model.loading, nothing);
      await expectReference(found);
    });
  });
}

Deno.test("each class that transformers has is held by a case", async () => {
  const classes = await Promise.all(OTHER_HEADS.map(async (name) => {
    const { architectures } = await readJson<JsonObject>(`${otherHead(name)}/config.json`);
    return (architectures as string[])[0]!;
  }));
  const bases = ["Data2VecAudio", "UniSpeechSat", "Wav2Vec2", "Wav2Vec2Bert", "Wav2Vec2Conformer"];
  const expected = [...bases, "WavLM"].flatMap((base) => {
    return [`${base}ForXVector`, `${base}ForAudioFrameClassification`];
  });
  assert.deepEqual(classes.sort(), expected.sort());
});

/** A tiny config whose class has one of the heads. */
function tiny(suffix: string, fields: JsonObject = {}): JsonObject {
  const tdnn = { tdnn_dim: [4, 5], tdnn_kernel: [3, 2], tdnn_dilation: [2, 1] };
  const named = { model_type: "wav2vec2", architectures: [`Wav2Vec2${suffix}`] };
  return { ...TINY_SPEECH, ...tdnn, xvector_output_dim: 6, ...named, ...fields };
}

Deno.test("a head of speakers or frames is that of its class, and saved as such", async () => {
  for (
    const [suffix, kind, problemType] of [
      ["ForXVector", "xvector", "single_label_classification"],
      ["ForAudioFrameClassification", "frames", "multi_label_classification"],
    ] as const
  ) {
    await withModel(tiny(suffix), (model) => {
      assert.equal(model.headKind, kind);
      assert.equal(model.problemType, problemType);
      assert.deepEqual(model.toConfig().architectures, [`Wav2Vec2${suffix}`]);
    });
  }
});

Deno.test("labels of one's own make a head that classifies clips, whatever the checkpoint was for", async () => {
  await withModel(tiny("ForXVector"), async (model) => {
    assert.equal(model.headKind, undefined);
    assert.deepEqual(model.toConfig().architectures, ["Wav2Vec2ForSequenceClassification"]);
    const { missing, unexpected } = model.loading;
    assert.ok(missing.includes("projector.weight") && missing.includes("classifier.bias"));
    assert.ok(!missing.includes("wav2vec2.masked_spec_embed"));
    assert.deepEqual(unexpected, []);
    const prepared = await model.prepare();
    const weight = prepared.weights.get("projector.weight") as Tensor;
    assertAllClose(await weight.data(), await model.parameters.get("projector.weight")!.data(), {});
    prepared.dispose();
  }, {
    labels: ["no", "yes"],
    source: ones({ "projector.weight": [4, 8], "wav2vec2.masked_spec_embed": [8] }),
  });
});

Deno.test("a model for speakers wants two frames behind its convolutions", async () => {
  await withModel(tiny("ForXVector"), (model) => {
    // 2 x 2 + 1 x 1 frames are lost.
    assert.equal(model.frames(model.minSamples), 7);
    assert.equal(model.frames(model.minSamples - 1), 6);
  });
});

const WRONG: Readonly<Record<string, [JsonObject, RegExp]>> = {
  "a base without such a head": [
    { model_type: "hubert", architectures: ["HubertForXVector"] },
    /"architectures".*HubertForSequenceClassification, found "HubertForXVector"/,
  ],
  "the head of another base": [
    { architectures: ["WavLMForXVector"] },
    /"architectures".*Wav2Vec2ForXVector, found "WavLMForXVector"/,
  ],
  "kernels of another number of layers": [
    { tdnn_kernel: [3, 2, 1] },
    /"tdnn_kernel".*2 integers, one for each of tdnn_dim, found \[3,2,1\]/,
  ],
  "no channels": [{ tdnn_dim: [] }, /"tdnn_dim".*integers between 1 and 16384, found \[\]/],
  "no dilation": [{ tdnn_dilation: [1, 0] }, /"tdnn_dilation".*found \[1,0\]/],
  "no numbers of a vector": [{ xvector_output_dim: 0 }, /"xvector_output_dim".*found 0/],
};

Deno.test("buildModel() rejects heads of speakers that make no sense", async (t) => {
  await useReference();
  for (const [name, [fields, message]] of Object.entries(WRONG)) {
    await t.step(name, async () => {
      const config = tiny("ForXVector", fields);
      await assert.rejects(() => buildModel(config), { name: "CheckpointError", message });
    });
  }
});

/** A source of tensors of ones. */
function ones(shapes: Record<string, number[]>) {
  return {
    file: "speakers.safetensors",
    names: () => Object.keys(shapes),
    shape: (name: string) => shapes[name],
    read: (name: string) =>
      Promise.resolve(new Float32Array(shapes[name]!.reduce((a, b) => a * b, 1)).fill(1)),
  };
}

Deno.test("buildModel() names tensors of a head that are misshapen or missing", async () => {
  await useReference();
  const source = ones({ "tdnn.0.kernel.weight": [4, 16] });
  await assert.rejects(() => buildModel(tiny("ForXVector"), { source }), {
    name: "CheckpointError",
    message: /"tdnn.0.kernel.weight" of "speakers.safetensors": .*\[4,12\], found \[4,16\]/,
  });
  await withModel(tiny("ForXVector"), (model) => {
    assert.ok(model.loading.missing.includes("tdnn.0.kernel.weight"));
    assert.throws(() => model.expectComplete("speakers"), /Cannot classify with "speakers"/);
  }, { source: ones({}) });
});

Deno.test("the classes of a model for speakers are as many as its directions, where its config is silent", async () => {
  const { num_labels: _, ...config } = tiny("ForXVector");
  await withModel(config, (model) => assert.equal(model.labels.length, 11), {
    source: ones({ "objective.weight": [6, 11] }),
  });
});

Deno.test("a head of speakers or frames is refused where clips are classified, in one line", async () => {
  await withModel(tiny("ForAudioFrameClassification"), (model) => {
    assert.throws(() => model.startTraining(), {
      name: "UnsupportedOpError",
      message: "Cannot train: expected Wav2Vec2ForSequenceClassification, found " +
        "Wav2Vec2ForAudioFrameClassification, which scores each frame",
    });
  });
  await withModel(tiny("ForXVector"), (model) => {
    assert.throws(() => model.startTraining(), /Cannot train.*Wav2Vec2ForXVector, which gives/);
    model.expectClipHead("classify", { speakers: true });
  });
});
