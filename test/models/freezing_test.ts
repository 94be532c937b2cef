/**
 * What stays as it is in training, for every architecture: the feature encoder, the base model, the first layers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { UnsupportedOpError } from "../../src/errors.ts";
import type { AudioClassificationModel, JsonObject } from "../../src/models/mod.ts";
import { TINY_ARCHITECTURES } from "../tiny_architectures.ts";
import { withModel } from "./_architecture_case.ts";

function frozenNames(model: AudioClassificationModel): string[] {
  return [...model.parameters.keys()].filter((name) => !model.trainable().has(name));
}

const TAKE_SPECTROGRAMS = [
  ...["audio-spectrogram-transformer", "ced", "efficientat", "wav2vec2-bert", "whisper"],
];

/** The head, and what stands behind the layers; all else is frozen with the last layer. */
const FREE_BEHIND_LAYERS: Record<string, RegExp> = {
  "audio-spectrogram-transformer": /^(classifier\.|audio_spectrogram_transformer\.layernorm\.)/,
  "ced": /^(outputlayer\.|encoder\.norm\.)/,
  "data2vec-audio": /^(projector|classifier)\./,
  "hubert": /^(projector|classifier)\./,
  "sew": /^(projector|classifier|sew\.encoder\.upsample)\./,
  "sew-d": /^(projector|classifier|sew_d\.encoder\.upsample)\./,
  "unispeech": /^(projector|classifier)\./,
  "unispeech-sat": /^(projector|classifier)\./,
  "wav2vec2": /^(projector|classifier|wav2vec2\.encoder\.layer_norm)\./,
  "wav2vec2-bert": /^(projector|classifier)\./,
  "wav2vec2-conformer": /^(projector|classifier|wav2vec2_conformer\.encoder\.layer_norm)\./,
  "wavlm": /^(projector|classifier)\./,
  "whisper": /^(projector|classifier|encoder\.layer_norm)\./,
};

for (const [name, { config }] of Object.entries(TINY_ARCHITECTURES)) {
  Deno.test(`freezeFeatureEncoder() keeps the convolutions of ${name}, or says there are none`, async () => {
    await withModel(config, (model) => {
      if (TAKE_SPECTROGRAMS.includes(name)) {
        assert.throws(() => model.freezeFeatureEncoder(), (error) => {
          assert.ok(error instanceof UnsupportedOpError && error.hint);
          assert.match(error.message, new RegExp(`of a model of type "${name}"`));
          return true;
        });
        return;
      }
      const before = frozenNames(model).length;
      model.freezeFeatureEncoder();
      const frozen = frozenNames(model).filter((key) =>
        /\.feature_extractor\.conv_layers\./.test(key)
      );
      assert.equal(frozen.length, frozenNames(model).length - before);
      assert.ok(frozen.length >= 2);
    });
  });

  Deno.test(`freezeBaseModel() leaves the head of ${name}`, async () => {
    await withModel(config, (model) => {
      model.freezeBaseModel();
      const free = [...model.trainable().keys()];
      assert.ok(
        free.length >= 2 && free.every((key) => /^(projector|classifier|outputlayer)\./.test(key)),
        `${free}`,
      );
    });
  });

  // Its layers have numbers of another depth: `efficientat_test.ts`.
  if (name === "efficientat") continue;
  Deno.test(`freezeLayers() keeps the first layers of ${name} and all before them`, async () => {
    await withModel(config, (model) => {
      const untrained = frozenNames(model);
      model.freezeLayers(0);
      assert.deepEqual(frozenNames(model), untrained);
      model.freezeLayers(2);
      const free = [...model.trainable().keys()];
      const ofLast = free.filter((key) => /\.(layers?|blocks)\.2\./.test(key));
      assert.ok(ofLast.length >= 8, `${free}`);
      const others = free.filter((key) => !ofLast.includes(key));
      assert.ok(others.every((key) => FREE_BEHIND_LAYERS[name]!.test(key)), `${others}`);
      model.freezeLayers(3);
      assert.deepEqual([...model.trainable().keys()], others);
      const behind = [...model.parameters.keys()].filter((key) =>
        FREE_BEHIND_LAYERS[name]!.test(key)
      );
      assert.deepEqual(others, behind);
    });
  });
}

Deno.test("freezeLayers() counts the norm before layers that are normalised behind", async () => {
  const config: JsonObject = { ...TINY_ARCHITECTURES.wavlm!.config, do_stable_layer_norm: true };
  await withModel(config, (model) => {
    model.freezeLayers(3);
    const norm = ["weight", "bias"].map((part) => `wavlm.encoder.layer_norm.${part}`);
    assert.deepEqual([...model.trainable().keys()].filter((key) => key.startsWith("wavlm.")), norm);
  });
});

Deno.test("freezeLayers() refuses more layers than there are", async () => {
  await withModel(TINY_ARCHITECTURES.hubert!.config, (model) => {
    for (const count of [4, -1, 1.5, NaN]) {
      assert.throws(() => model.freezeLayers(count), {
        name: "RangeError",
        message: `Cannot freeze layers: expected a number of layers from 0 to 3, found ${count}`,
      });
    }
    assert.equal(model.trainable().size, model.parameters.size);
  });
});
