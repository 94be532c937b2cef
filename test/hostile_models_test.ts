/**
 * Model directories that are wrong or hostile, loaded as a user loads them: each ends in an error that names
 * the file, and the field or tensor; nothing is run, and no tensor stays behind.
 *
 * The readers' own rules are in `test/weights`; this is that none of them is bypassed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { engine } from "@tensorflow/tfjs-core";
import { MODEL_TYPES, modelRecipe, type ModelSize } from "./model_recipes.ts";
import { CheckpointError } from "../src/errors.ts";
import { featureExtractorFromConfig } from "../src/features/mod.ts";
import { buildModel } from "../src/models/mod.ts";
import { loadPretrained, savePretrained } from "../src/pretrained.ts";
import { encodeSafetensors } from "../src/weights/safetensors_writer.ts";
import { startTestWasm } from "./devices.ts";
import { craftZip, joined, pickled, SIX } from "./weights/craft_torch.ts";
import { craftSafetensors } from "./weights/craft.ts";

const SIZE: ModelSize = {
  hidden: 8,
  layers: 1,
  heads: 2,
  wide: 8,
  convolutions: { channels: 4, widths: [10, 4], strides: [5, 4] },
  positions: { width: 4, groups: 4 },
  samplingRate: 8_000,
  ast: { frames: 98, bands: 16 },
  ced: { frames: 101, bands: 8, patch: 4 },
  pairs: { bands: 8 },
  whisper: { seconds: 1, bands: 4 },
  initializerRange: 0.1,
};

interface Refusal {
  file: RegExp;
  key?: string | RegExp;
  message?: RegExp;
}

/** Runs a body on one WASM thread, with the directory of a tiny model. */
async function withDirectory(
  modelType: string,
  body: (directory: string, config: Record<string, unknown>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "earshot-hostile-" });
  const device = await startTestWasm({ threads: 1 });
  try {
    const { config, preprocessor } = modelRecipe(modelType, SIZE);
    const model = await buildModel(config, { labels: ["a", "b", "c"] });
    const saved = model.toConfig();
    const directory = `${folder}/model`;
    await savePretrained(directory, model, featureExtractorFromConfig(preprocessor));
    model.dispose();
    await body(directory, saved);
  } finally {
    device.dispose();
    await Deno.remove(folder, { recursive: true });
  }
}

function hostileTest(
  name: string,
  body: (directory: string, config: Record<string, unknown>) => Promise<void>,
): void {
  Deno.test(`fromPretrained() ${name}`, () => withDirectory("wav2vec2", body));
}

async function writeConfig(directory: string, config: unknown): Promise<void> {
  await Deno.writeTextFile(`${directory}/config.json`, JSON.stringify(config));
}

/** Puts other weights into the directory in place of those that are there. */
async function writeWeights(directory: string, files: Record<string, Uint8Array>): Promise<void> {
  await Deno.remove(`${directory}/model.safetensors`).catch(() => {});
  for (const [name, bytes] of Object.entries(files)) {
    await Deno.writeFile(`${directory}/${name}`, bytes);
  }
}

async function refused(directory: string, { file, key, message }: Refusal): Promise<void> {
  const before = engine().memory();
  await assert.rejects(loadPretrained(directory), (error) => {
    assert.ok(error instanceof CheckpointError, `${error}`);
    assert.match(error.file ?? "", file, error.message);
    if (typeof key === "string") assert.equal(error.key, key, error.message);
    else if (key) assert.match(error.key ?? "", key, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });
  assert.equal(engine().memory().numTensors, before.numTensors);
}

/** Values that no field of that kind takes. */
function hostileValues(value: unknown): unknown[] {
  if (Array.isArray(value)) return [[], {}, 1, "1", value.map(() => -1), value.map(() => 1e9)];
  if (typeof value === "boolean") return [1, "true", []];
  if (typeof value === "string") return ["os.system", 1, [], {}];
  return [-7, 1e9, "8", [], {}, true];
}

/** Fields that the model does not use, or that others replace. */
const UNREAD = ["architectures", "dtype", "label2id", "id2label", "num_feat_extract_layers"];

for (const modelType of MODEL_TYPES) {
  Deno.test(`fromPretrained() refuses each hostile field of a ${modelType} config`, async () => {
    await withDirectory(modelType, async (directory, config) => {
      // SEW-D's config has these fields, and its layers do not use them.
      const unread = modelType === "sew-d" ? [...UNREAD, "hidden_dropout", "layerdrop"] : UNREAD;
      for (const [key, value] of Object.entries(config)) {
        if (unread.includes(key)) continue;
        for (const hostile of hostileValues(value)) {
          await writeConfig(directory, { ...config, [key]: hostile });
          await refused(directory, { file: /config\.json$/, key, message: RegExp(`"${key}"`) });
        }
      }
    });
  });

  Deno.test(`fromPretrained() names the tensor where a ${modelType} config lacks fields`, async () => {
    await withDirectory(modelType, async (directory) => {
      await writeConfig(directory, { model_type: modelType });
      const message = /expected shape \[[\d,]+\], found \[[\d,]+\]$/;
      await refused(directory, { file: /model\.safetensors$/, key: /./, message });
    });
  });

  Deno.test(`fromPretrained() draws no huge ${modelType} for a checkpoint that lacks it`, async () => {
    await withDirectory(modelType, async (directory, config) => {
      const values = Float32Array.of(1);
      const other = [{ name: "x", dtype: "F32" as const, shape: [1], values }];
      await writeWeights(directory, { "model.safetensors": encodeSafetensors(other) });
      const sizes: Record<string, string> = {
        ...{ ced: "embed_dim", efficientat: "classifier_proj_size", whisper: "d_model" },
      };
      const size = sizes[modelType] ?? "hidden_size";
      const wide = { [size]: 16_384, num_attention_heads: 16, width_mult: 3 };
      await writeConfig(directory, { ...config, ...wide });
      const message = /expected at most 67108864 numbers missing, found \d+$/;
      await refused(directory, {
        file: /model\.safetensors$/,
        key: /\.weight|original1$/,
        message,
      });
    });
  });
}

hostileTest("names all there are where the model_type is another", async (directory, config) => {
  for (const type of ["bert", "__proto__", "toString", 7, null, undefined]) {
    await writeConfig(directory, { ...config, model_type: type });
    await refused(directory, {
      file: /config\.json$/,
      key: "model_type",
      message: RegExp(`expected one of ${[...MODEL_TYPES].join(", ")}, found`),
    });
  }
});

hostileTest("refuses labels that no model could have", async (directory, config) => {
  for (const id2label of [{ "5.5": "a" }, { "-1": "a" }, { "0": true }, {}, "a"]) {
    await writeConfig(directory, { ...config, id2label });
    await refused(directory, { file: /config\.json$/, key: "id2label" });
  }
  for (const num_labels of [-1, 0, 1e9, 2.5, "3"]) {
    await writeConfig(directory, { ...config, id2label: undefined, num_labels });
    await refused(directory, { file: /config\.json$/, key: "num_labels" });
  }
});

hostileTest("refuses a config that is no JSON object, or is deeper than any", async (directory) => {
  const deep = "[".repeat(1e5);
  for (const text of ["", "{", "[]", "null", '"x"', deep, `{"a":${deep}`, "\xff"]) {
    await Deno.writeTextFile(`${directory}/config.json`, text);
    await refused(directory, { file: /config\.json$/ });
  }
  await Deno.remove(`${directory}/config.json`);
  await refused(directory, { file: /config\.json$/, message: /found nothing$/ });
});

/** The tiny model's own first convolution in another shape or type, all else missing. */
const CONV = "wav2vec2.feature_extractor.conv_layers.0.conv.weight";

hostileTest("refuses tensors of another shape, naming them", async (directory) => {
  const shapes = [[40], [4, 10], [4, 10, 1], [10, 1, 4], [4, 1, 11], [1, 4, 1, 10], []];
  for (const shape of shapes) {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const tensor = { name: CONV, dtype: "F32" as const, shape, values: new Float32Array(size) };
    await writeWeights(directory, { "model.safetensors": encodeSafetensors([tensor]) });
    await refused(directory, {
      file: /model\.safetensors$/,
      key: CONV,
      message: RegExp(`expected shape \\[4,1,10\\], found \\[${shape}\\]$`),
    });
  }
});

hostileTest("refuses tensors that hold no real numbers, naming them", async (directory) => {
  const bits = { I64: 64, I32: 32, I8: 8, U8: 8, BOOL: 8, F8_E4M3: 8, F4: 4 };
  for (const [dtype, width] of Object.entries(bits)) {
    const size = 40 * width / 8;
    const entry = { dtype, shape: [4, 1, 10], data_offsets: [0, size] };
    const bytes = craftSafetensors(JSON.stringify({ [CONV]: entry }), size);
    await writeWeights(directory, { "model.safetensors": bytes });
    await refused(directory, {
      file: /model\.safetensors$/,
      key: CONV,
      message: RegExp(`expected one of F64, F32, F16, BF16, found ${dtype}$`),
    });
  }
});

/** Calls, each as a pickle would have the reader make them. */
const CALLS: [module: string, name: string][] = [
  ["os", "system"],
  ["posix", "system"],
  ["builtins", "eval"],
  ["builtins", "exec"],
  ["builtins", "getattr"],
  ["subprocess", "Popen"],
  ["torch", "load"],
  ["torch.storage", "_load_from_bytes"],
];

hostileTest("runs nothing that a pickle asks for, and names it", async (directory) => {
  const witness = `${directory}/ran`;
  for (const [module, name] of CALLS) {
    const call = pickled.call(pickled.global(module, name), pickled.text(`touch ${witness}`));
    const pickle = pickled.whole(pickled.dictionary(pickled.text("a"), call));
    const archive = craftZip([["archive/data.pkl", pickle], ["archive/data/0", SIX]]);
    await writeWeights(directory, { "pytorch_model.bin": archive });
    const message = RegExp(`refused global "${module}\\.${name}"`);
    await refused(directory, { file: /pytorch_model\.bin$/, message });
    await assert.rejects(Deno.stat(witness), Deno.errors.NotFound);
  }
});

hostileTest("refuses archives that would grow", async (directory) => {
  const pickle = pickled.whole(joined("}"));
  const bombs = [
    craftZip([["archive/data.pkl", pickle, { method: 8, sizeBytes: 2 ** 31, storedBytes: 9 }]]),
    craftZip([["archive/data.pkl", pickle, { sizeBytes: 2 ** 31 }]]),
    craftZip([["archive/data.pkl", pickle], ["archive/data/0", SIX, { start: 0 }]]),
    craftZip([["archive/data.pkl", pickle]], { sizeBytes: 2 ** 31 }),
    craftZip([["archive/data.pkl", pickle]], { count: 65_535 }),
  ];
  for (const archive of bombs) {
    await writeWeights(directory, { "pytorch_model.bin": archive });
    await refused(directory, { file: /pytorch_model\.bin$/ });
  }
});

function index(weightMap: Record<string, string>): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ weight_map: weightMap }));
}

hostileTest("names the shards that are missing", async (directory) => {
  const map = { [CONV]: "model-1.safetensors", "classifier.bias": "model-2.safetensors" };
  await writeWeights(directory, { "model.safetensors.index.json": index(map) });
  await refused(directory, {
    file: /model\.safetensors\.index\.json$/,
    message: /missing "model-1\.safetensors", "model-2\.safetensors"/,
  });
});

hostileTest("opens no file that an index names outside the directory", async (directory) => {
  const stolen = encodeSafetensors([]);
  await Deno.writeFile(`${directory}/../secret.safetensors`, stolen);
  for (const name of ["../secret.safetensors", `${directory}/../secret.safetensors`, ".."]) {
    await writeWeights(directory, { "model.safetensors.index.json": index({ [CONV]: name }) });
    await refused(directory, {
      file: /model\.safetensors\.index\.json$/,
      key: CONV,
      message: /expected the name of a weight file beside it/,
    });
  }
});

hostileTest("names what it looked for where there are no weights", async (directory) => {
  await writeWeights(directory, { "tf_model.h5": SIX });
  await refused(directory, {
    file: /model$/,
    message: /expected model\.safetensors, .*, found none/,
  });
});
