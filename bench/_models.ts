/**
 * Model directories for benches: a preset with random weights is written first, so that what is measured loads what
 * `predict` and `train` would load.
 *
 * @module
 */
import { featureExtractorFromConfig } from "../src/features/mod.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { buildModel } from "../src/models/mod.ts";
import { savePretrained } from "../src/pretrained.ts";
import { isPreset, type PresetName, PRESETS } from "../src/train/options/presets.ts";
import { fromWhereTyped, type ModelRequest, runCli } from "./_process.ts";

/** Labels of every model with random weights. */
export const LABELS: readonly string[] = ["a", "b", "c", "d"];

async function writePreset(name: PresetName, directory: string): Promise<void> {
  const device = await startWasm();
  try {
    const { config, preprocessor } = PRESETS[name];
    const model = await buildModel(config, { labels: [...LABELS], seed: 1 });
    await savePretrained(directory, model, featureExtractorFromConfig(preprocessor));
  } finally {
    device.dispose();
  }
}

/** Writes a preset with random weights; its directory. */
export async function presetDirectory(name: PresetName, directory: string): Promise<string> {
  await writePreset(name, directory);
  return directory;
}

/** Calls with a preset's directory, or a directory that is there, and a folder that lasts as long as the call. */
export async function* withModel<Row>(
  model: string,
  use: (directories: { original: string; scratch: string }) => AsyncIterable<Row>,
): AsyncGenerator<Row> {
  const scratch = await Deno.makeTempDir({ prefix: "earshot-bench-" });
  try {
    const original = isPreset(model) ? `${scratch}/model` : fromWhereTyped(model);
    if (isPreset(model)) await writePreset(model, original);
    yield* use({ original, scratch });
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** The directory to load for a number of bits: the model itself, or an export that a checkout's command line writes. */
export async function directoryFor(
  dtype: ModelRequest["dtype"],
  { root, original, scratch }: Pick<ModelRequest, "root" | "original" | "scratch">,
): Promise<string> {
  if (dtype === "f32") return original;
  const output = `${scratch}/${dtype}-${root.replaceAll("/", "_")}`;
  const isThere = await Deno.stat(output).then(() => true, () => false);
  if (!isThere) {
    await runCli(root, "export", "--model", original, "--output", output, "--dtype", dtype);
  }
  return output;
}
