import assert from "node:assert/strict";
import { engine } from "@tensorflow/tfjs-core";
import { buildModel, type JsonObject } from "../../src/models/mod.ts";
import { useReference } from "../reference/backend.ts";
import { TINY_SPEECH } from "./_architecture_case.ts";

const CONFIG: JsonObject = { ...TINY_SPEECH, model_type: "wav2vec2" };

/** Fails unless a config with these fields ends in an error that names the file and the field. */
async function expectRefused(fields: JsonObject, key: string, text: RegExp): Promise<void> {
  await useReference();
  const before = engine().memory().numTensors;
  const shown = `${key} ${JSON.stringify(fields[key])}`;
  await assert.rejects(
    buildModel({ ...CONFIG, ...fields }, { file: "runs/a/config.json" }),
    (error: Error & { file?: string; key?: string }) => {
      assert.equal(error.name, "CheckpointError", shown);
      assert.match(error.message, /^Cannot read field ".+" of "runs\/a\/config.json": /, shown);
      assert.match(error.message, text, shown);
      assert.deepEqual([error.file, error.key], ["runs/a/config.json", key], shown);
      return true;
    },
  );
  assert.equal(engine().memory().numTensors, before);
}

Deno.test("buildModel() refuses values of another kind", async () => {
  const cases: [JsonObject, RegExp][] = [
    [{ hidden_size: "768" }, /expected an integer, found "768"$/],
    [{ hidden_size: 7.5 }, /expected an integer, found 7.5$/],
    [{ layer_norm_eps: "small" }, /expected a number, found "small"$/],
    [{ conv_bias: 1 }, /expected true or false, found 1$/],
    [{ do_stable_layer_norm: "yes" }, /expected true or false, found "yes"$/],
    [{ feat_extract_norm: "batch" }, /expected one of group, layer, found "batch"$/],
    [{ hidden_act: "softsign" }, /expected one of .*gelu.*, found "softsign"$/],
    [{ feat_extract_activation: "prelu" }, /expected an activation without weights/],
    [{ conv_dim: 512 }, /expected 1 to 64 integers between 1 and \d+, found 512$/],
    [{ conv_kernel: [10, "3"] }, /expected 1 to 64 integers .*, found \[10,"3"\]$/],
    [{ adapter_attn_dim: "wide", do_stable_layer_norm: true }, /expected an integer/],
  ];
  for (const [fields, text] of cases) await expectRefused(fields, Object.keys(fields)[0]!, text);
});

Deno.test("buildModel() refuses values out of range", async () => {
  const cases: [JsonObject, RegExp][] = [
    [{ hidden_size: -8 }, /expected a value between 1 and \d+, found -8$/],
    [{ hidden_size: 0 }, /between 1 and/],
    [{ num_hidden_layers: 1e9 }, /expected a value between 0 and \d+, found 1000000000$/],
    [{ intermediate_size: 2 ** 40 }, /between 1 and/],
    [{ hidden_dropout: 1.5 }, /expected a value between 0 and .*, found 1.5$/],
    [{ attention_dropout: 1.1 }, /expected a value between 0 and 1, found 1.1$/],
    [{ layerdrop: -0.1 }, /between 0 and 1/],
    [{ mask_time_prob: 2 }, /between 0 and 1/],
    [{ mask_time_length: 0 }, /between 1 and/],
    [{ conv_stride: [5, 0] }, /integers between 1 and/],
    [{ conv_dim: [] }, /expected 1 to 64 integers/],
    [{ conv_kernel: new Array(65).fill(1) }, /expected 1 to 64 integers/],
    [{ classifier_proj_size: 1e12 }, /between 1 and/],
    [{ layer_norm_eps: -1 }, /between 0 and 1/],
  ];
  for (const [fields, text] of cases) await expectRefused(fields, Object.keys(fields)[0]!, text);
});

Deno.test("buildModel() refuses sizes that do not go together", async () => {
  await expectRefused(
    { num_attention_heads: 3 },
    "num_attention_heads",
    /a divisor of hidden_size 8/,
  );
  const groups = { num_conv_pos_embedding_groups: 5 };
  await expectRefused(
    groups,
    "num_conv_pos_embedding_groups",
    /a divisor of hidden_size 8, found 5$/,
  );
  await expectRefused({ conv_kernel: [10, 3, 3] }, "conv_kernel", /expected 2 numbers/);
  await expectRefused({ conv_stride: [5] }, "conv_stride", /expected 2 numbers, found \[5\]$/);
});

Deno.test("buildModel() refuses what classification has not", async () => {
  await expectRefused(
    { add_adapter: true },
    "add_adapter",
    /false for classification, found true$/,
  );
  await expectRefused({ model_type: "bert" }, "model_type", /one of .*wav2vec2.*, found "bert"$/);
  await expectRefused({ model_type: undefined }, "model_type", /found nothing$/);
  await expectRefused({ model_type: "toString" }, "model_type", /found "toString"$/);
});

Deno.test("buildModel() takes the reference's defaults for what is null or not there", async () => {
  await useReference();
  const model = await buildModel({ ...CONFIG, adapter_attn_dim: null, classifier_proj_size: null });
  assert.deepEqual(model.parameters.get("projector.weight")!.shape, [256, 8]);
  assert.equal(model.parameters.get("wav2vec2.masked_spec_embed")!.size, 8);
  model.dispose();
});
