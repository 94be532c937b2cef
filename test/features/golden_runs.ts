/**
 * The kit's runs of feature extractors, for the tests of each.
 *
 * @module
 */
import type { ExtractOptions, FeatureBatch, Padding } from "../../src/features/mod.ts";
import { featureExtractorFromConfig } from "../../src/features/registry.ts";
import { kitPath, type KitTensor, readJson, readTensors } from "../kit.ts";

interface Run {
  name: string;
  waves: number[];
  extractor: Record<string, unknown>;
  call: {
    padding?: Padding;
    max_length?: number;
    truncation?: boolean;
    pad_to_multiple_of?: number;
    return_attention_mask?: boolean;
    do_normalize?: boolean;
  };
}

/** What one run of the reference gave, and what we give. */
export interface GoldenRun {
  name: string;
  expected: KitTensor;
  expectedMask?: KitTensor;
  batch: FeatureBatch;
}

/** The tensors beside the runs: filter banks and windows. */
export function goldenFeatures(): Promise<Map<string, KitTensor>> {
  return readTensors(kitPath("features", "expected.safetensors"));
}

/** The runs whose names begin with `prefix`. */
export async function goldenRuns(prefix: string): Promise<GoldenRun[]> {
  const { runs } = await readJson<{ runs: Run[] }>(kitPath("features", "meta.json"));
  const waves = await readTensors(kitPath("features", "waves.safetensors"));
  const expected = await goldenFeatures();
  return runs.filter(({ name }) => name.startsWith(prefix)).map((run) => {
    const clips = run.waves.map((i) => waves.get(`wave.${i}`)!.values as Float32Array);
    const extractor = featureExtractorFromConfig(run.extractor);
    return {
      name: run.name,
      expected: expected.get(`${run.name}.${extractor.inputName}`)!,
      expectedMask: expected.get(`${run.name}.attention_mask`),
      batch: extractor.extract(clips, optionsOf(run.call)),
    };
  });
}

function optionsOf(call: Run["call"]): ExtractOptions {
  return {
    samplingRate: 16_000,
    padding: call.padding,
    maxLength: call.max_length,
    truncation: call.truncation,
    padToMultipleOf: call.pad_to_multiple_of,
    returnAttentionMask: call.return_attention_mask,
    doNormalize: call.do_normalize,
  };
}
