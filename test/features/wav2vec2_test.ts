import { deepEqual, equal, ok, throws } from "node:assert/strict";
import type { ExtractOptions, Padding } from "../../src/features/feature_extractor.ts";
import {
  Wav2Vec2FeatureExtractor,
  type Wav2Vec2FeatureExtractorOptions,
} from "../../src/features/wav2vec2.ts";
import { assertAllClose } from "../compare.ts";
import { kitPath, kitTest, readJson } from "../kit.ts";
import { goldenRuns } from "./golden_runs.ts";

const SHORT = Float32Array.of(1, 3);
const LONG = Float32Array.of(2, 4, 6, 8);

function extract(
  extractor: Wav2Vec2FeatureExtractorOptions,
  clips: Float32Array[],
  options: ExtractOptions = {},
) {
  const batch = new Wav2Vec2FeatureExtractor(extractor).extract(clips, options);
  equal(batch.inputValues.length, batch.shape.reduce((a, b) => a * b));
  return { ...batch, rows: rowsOf(batch.inputValues, batch.shape) };
}

function rowsOf(values: ArrayLike<number>, [count, width]: number[]): number[][] {
  return Array.from(
    { length: count! },
    (_, i) => Array.from(values).slice(i * width!, (i + 1) * width!),
  );
}

function standardized(values: number[]): number[] {
  const mean = values.reduce((a, b) => a + b) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return values.map((value) => (value - mean) / Math.sqrt(variance + 1e-7));
}

Deno.test("extract() normalises the real samples of each clip where there is a mask", () => {
  const options = { returnAttentionMask: true, paddingValue: 9 };
  const { rows, attentionMask, lengths } = extract(options, [SHORT, LONG], { padding: true });
  assertAllClose(rows[0]!, [...standardized([1, 3]), 9, 9], { atol: 1e-6 });
  assertAllClose(rows[1]!, standardized([2, 4, 6, 8]), { atol: 1e-6 });
  deepEqual(attentionMask, Int32Array.of(1, 1, 0, 0, 1, 1, 1, 1));
  deepEqual(lengths, Int32Array.of(2, 4));
});

Deno.test("extract() normalises the padding too where there is no mask", () => {
  const { rows, attentionMask, lengths } = extract({ paddingValue: 9 }, [SHORT, LONG], {
    padding: "longest",
  });
  assertAllClose(rows[0]!, standardized([1, 3, 9, 9]), { atol: 1e-6 });
  equal(attentionMask, undefined);
  deepEqual(lengths, Int32Array.of(2, 4));
});

Deno.test("extract() takes returnAttentionMask from the call before the file", () => {
  const options: ExtractOptions = { padding: true, returnAttentionMask: false };
  equal(extract({ returnAttentionMask: true }, [SHORT], options).attentionMask, undefined);
  options.returnAttentionMask = true;
  deepEqual(extract({}, [SHORT], options).attentionMask, Int32Array.of(1, 1));
});

Deno.test("extract() leaves samples as they are without doNormalize", () => {
  const raw = { doNormalize: false, paddingValue: -1 };
  deepEqual(extract({}, [SHORT], { doNormalize: false }).rows, [[1, 3]]);
  assertAllClose(extract(raw, [SHORT], { doNormalize: true }).rows[0]!, standardized([1, 3]), {
    atol: 1e-6,
  });
  deepEqual(extract(raw, [SHORT, LONG], { padding: true }).rows, [[1, 3, -1, -1], [2, 4, 6, 8]]);
});

Deno.test("extract() pads on the left without losing speech", () => {
  const left = { paddingSide: "left", returnAttentionMask: true } as const;
  const { rows, attentionMask, lengths } = extract(left, [SHORT, LONG], { padding: true });
  assertAllClose(rows[0]!, [0, 0, ...standardized([1, 3])], { atol: 1e-6 });
  deepEqual(attentionMask, Int32Array.of(0, 0, 1, 1, 1, 1, 1, 1));
  deepEqual(lengths, Int32Array.of(2, 4));
});

Deno.test("extract() pads and cuts to maxLength", () => {
  const raw = { doNormalize: false };
  const toThree = { padding: "max_length", maxLength: 3, truncation: true } as const;
  deepEqual(extract(raw, [SHORT, LONG], toThree).rows, [[1, 3, 0], [2, 4, 6]]);
  deepEqual(extract(raw, [SHORT, LONG], toThree).lengths, Int32Array.of(2, 3));
  deepEqual(extract(raw, [SHORT], { padding: "max_length", maxLength: 4 }).rows, [[1, 3, 0, 0]]);
  deepEqual(extract(raw, [SHORT, LONG], { maxLength: 2, truncation: true }).rows, [[1, 3], [2, 4]]);
  deepEqual(extract(raw, [SHORT], { padding: true, maxLength: 9, truncation: true }).rows, [[
    1,
    3,
  ]]);
});

Deno.test("extract() normalises what truncation leaves", () => {
  const { rows } = extract({}, [LONG], { maxLength: 2, truncation: true });
  assertAllClose(rows[0]!, standardized([2, 4]), { atol: 1e-6 });
});

Deno.test("extract() rounds lengths up to padToMultipleOf", () => {
  const raw = { doNormalize: false };
  const widthOf = (options: ExtractOptions) => extract(raw, [LONG], options).shape[1];
  equal(widthOf({ padding: true, padToMultipleOf: 3 }), 6);
  equal(widthOf({ padding: true, padToMultipleOf: 4 }), 4);
  equal(widthOf({ padding: "max_length", maxLength: 7, padToMultipleOf: 5 }), 10);
  equal(widthOf({ truncation: true, maxLength: 2, padToMultipleOf: 3 }), 3);
  equal(widthOf({ padToMultipleOf: 3 }), 4);
});

Deno.test("extract() keeps silence finite and its input as it was", () => {
  const silence = new Float32Array(5);
  deepEqual(extract({}, [silence]).rows, [[0, 0, 0, 0, 0]]);
  const loud = Float32Array.of(1e6 + 1, 1e6 - 1);
  const before = loud.slice();
  assertAllClose(extract({}, [loud]).rows[0]!, [1, -1], { atol: 1e-6 });
  deepEqual(loud, before);
});

Deno.test("extract() sums in float64", () => {
  const offset = Float32Array.from({ length: 200_000 }, (_, i) => 1000 + (i % 2 ? 0.5 : -0.5));
  const { inputValues } = extract({}, [offset]);
  assertAllClose(inputValues.subarray(0, 2), [-1, 1], { atol: 1e-6 });
});

Deno.test("extract() refuses clips at another rate and names both", () => {
  throws(() => extract({}, [SHORT], { samplingRate: 8_000 }), {
    name: "RangeError",
    message: "Cannot extract features: expected clips at 16000 Hz, found 8000 Hz",
  });
  ok(extract({ samplingRate: 8_000 }, [SHORT], { samplingRate: 8_000 }));
});

Deno.test("extract() refuses clips that cannot be a batch", () => {
  const refuses = (clips: Float32Array[], options: ExtractOptions, message: RegExp) =>
    throws(() => extract({}, clips, options), (error) => {
      ok(error instanceof RangeError && message.test(error.message), String(error));
      return true;
    });
  refuses([SHORT, LONG], {}, /one length without padding, found 2 and 4 samples/);
  refuses([SHORT, LONG], { padding: false }, /without padding/);
  const toThree = { padding: "max_length", maxLength: 3 } as const;
  refuses([SHORT, LONG], toThree, /one length without truncation, found 2 and 4 samples/);
  refuses([SHORT], { padding: "max_length" }, /maxLength with padding "max_length", found none/);
  refuses([SHORT], { truncation: true }, /expected maxLength with truncation, found none/);
  refuses([SHORT], { padding: true, maxLength: 0 }, /a whole maxLength above 0, found 0/);
  refuses([SHORT], { padding: true, padToMultipleOf: 1.5 }, /whole padToMultipleOf above 0/);
  refuses([SHORT], { padding: "sideways" as Padding }, /expected padding .* found "sideways"/);
  refuses([], {}, /expected at least one clip, found none/);
  refuses(
    [SHORT, new Float32Array()],
    { padding: true },
    /of clip 1: expected samples, found none/,
  );
  refuses([SHORT, Float32Array.of(0, NaN)], {}, /of clip 1: expected finite samples/);
  refuses([Float32Array.of(Infinity, -Infinity)], {}, /of clip 0: expected finite samples/);
});

Deno.test("fromConfig() takes the reference's defaults for missing and null fields", () => {
  const expected = {
    do_normalize: true,
    feature_extractor_type: "Wav2Vec2FeatureExtractor",
    feature_size: 1,
    padding_side: "right",
    padding_value: 0,
    return_attention_mask: false,
    sampling_rate: 16000,
  };
  deepEqual(Wav2Vec2FeatureExtractor.fromConfig({}).toConfig(), expected);
  deepEqual(Wav2Vec2FeatureExtractor.fromConfig({ padding_value: null }).toConfig(), expected);
});

Deno.test("toConfig() writes unknown fields back, keys sorted", () => {
  const config = { zebra: [1], sampling_rate: 8000, processor_class: "Wav2Vec2Processor" };
  const written = Wav2Vec2FeatureExtractor.fromConfig(config).toConfig();
  deepEqual([written.zebra, written.processor_class, written.sampling_rate], [
    [1],
    "Wav2Vec2Processor",
    8000,
  ]);
  deepEqual(Object.keys(written), Object.keys(written).toSorted());
});

Deno.test("fromConfig() names the file, the field and the value that it refuses", () => {
  const refuses = (config: unknown, message: RegExp, key?: string) =>
    throws(() => Wav2Vec2FeatureExtractor.fromConfig(config, { file: "p.json" }), {
      name: "CheckpointError",
      message,
      file: "p.json",
      key,
    });
  refuses([], /^Cannot load feature extractor "p.json": expected a JSON object, found \[\]$/);
  refuses(null, /a JSON object, found null/);
  refuses({ sampling_rate: "16k" }, /sampling_rate a whole .* found "16k"$/, "sampling_rate");
  refuses({ sampling_rate: 1 }, /from 1000 to 768000, found 1$/, "sampling_rate");
  refuses({ sampling_rate: 0 }, /from 1000 to 768000, found 0/, "sampling_rate");
  refuses({ feature_size: 80 }, /expected feature_size 1, found 80/, "feature_size");
  refuses({ do_normalize: "yes" }, /true or false, found "yes"/, "do_normalize");
  refuses({ padding_side: "up" }, /"left" or "right", found "up"/, "padding_side");
  refuses({ padding_value: "0" }, /padding_value a number, found "0"/, "padding_value");
  const other = { feature_extractor_type: "ASTFeatureExtractor" };
  refuses(other, /found "ASTFeatureExtractor"/, "feature_extractor_type");
});

kitTest("extract() equals transformers on the kit's runs", async () => {
  const runs = await goldenRuns("w2v2.");
  equal(runs.length, 10);
  for (const { name, batch, expected, expectedMask } of runs) {
    const actual = { shape: batch.shape, values: batch.inputValues };
    assertAllClose(actual, expected, { atol: 1e-5, label: name });
    deepEqual(batch.attentionMask, expectedMask?.values, `${name}: mask`);
  }
});

kitTest("toConfig() writes what transformers wrote", async () => {
  for (const name of ["wav2vec2-group", "wav2vec2-layer"]) {
    const file = kitPath(name, "preprocessor_config.json");
    const config = await readJson<Record<string, unknown>>(file);
    const written = Wav2Vec2FeatureExtractor.fromConfig(config, { file }).toConfig();
    equal(JSON.stringify(written), JSON.stringify(config), name);
  }
});
