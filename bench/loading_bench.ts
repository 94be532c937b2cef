/**
 * Peak memory and time of loading a checkpoint of the size of wav2vec2-base, in each form that one comes in.
 *
 *     deno run -A bench/loading_bench.ts [--json FILE] [--model small]
 *
 * Each load runs in a process of its own, which starts the device, notes what it holds, loads, and notes the most
 * that it held; an export takes its form again from the file. The limit is the weights as held, the largest tensor and
 * 64 MB above what was held before; the exit code is 1 where it is exceeded. Linux only: the kernel's own account of
 * resident memory is read.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { Tensor } from "@tensorflow/tfjs-core";
import { Wav2Vec2FeatureExtractor } from "../src/features/mod.ts";
import { heldWeight } from "../src/kernels.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { type AudioClassificationModel, buildModel, type StoredTensor } from "../src/models/mod.ts";
import { AutoModelForAudioClassification, modelFiles } from "../src/pretrained.ts";
import { type PresetName, PRESETS } from "../src/train/options/presets.ts";
import { encodeValues } from "../src/weights/dtypes.ts";
import { PACKED_DTYPES } from "../src/weights/packed.ts";
import { streamSafetensors } from "../src/weights/safetensors_writer.ts";
import { writeExport } from "./_rows.ts";
import { craftZip, joined, pickled } from "../test/weights/craft_torch.ts";

const MB = 1e6;
const ALLOWANCE_BYTES = 64 * MB;

/** What a child process prints. */
interface Load {
  beforeBytes: number;
  peakBytes: number;
  afterBytes: number;
  weightBytes: number;
  largestBytes: number;
  seconds: number;
}

const FORMS = [
  "safetensors f32",
  "safetensors f16",
  "pytorch_model.bin f32",
  "export f32",
  "export f16",
  "export q8",
] as const;
type Form = typeof FORMS[number];

/** Resident bytes now, and the most since the last reset. */
async function residentBytes(): Promise<{ now: number; peak: number }> {
  const status = await Deno.readTextFile("/proc/self/status");
  const field = (name: string): number => {
    const [, kilobytes] = status.match(RegExp(`^${name}:\\s+(\\d+) kB$`, "m")) ?? [];
    if (kilobytes === undefined) throw new RangeError(`Cannot read ${name}: expected a number`);
    return Number(kilobytes) * 1024;
  };
  return { now: field("VmRSS"), peak: field("VmHWM") };
}

/** Starts the count of the most that was held anew. */
async function resetPeak(): Promise<void> {
  await Deno.writeTextFile("/proc/self/clear_refs", "5");
}

async function load(directory: string): Promise<Load> {
  const device = await startWasm({ threads: 1 });
  await resetPeak();
  const { now: beforeBytes } = await residentBytes();
  const started = performance.now();
  const model = await AutoModelForAudioClassification.fromPretrained(directory);
  const seconds = (performance.now() - started) / 1000;
  const { now: afterBytes, peak: peakBytes } = await residentBytes();
  const sizes = Array.from(model.parameters.values(), heldBytes);
  device.dispose();
  return {
    beforeBytes,
    peakBytes,
    afterBytes,
    weightBytes: sizes.reduce((sum, size) => sum + size),
    largestBytes: Math.max(...sizes),
    seconds,
  };
}

/** Bytes of a parameter in the memory of the device. */
function heldBytes(parameter: Tensor): number {
  if (parameter.dtype !== "float32") return 4 * parameter.size;
  return heldWeight(parameter).parts.reduce((sum, { values }) => sum + values.byteLength, 0);
}

/** The tensors rounded to 16 bits when their turn comes. */
function halved(tensors: Iterable<StoredTensor>): Parameters<typeof streamSafetensors>[0] {
  return Array.from(tensors, (tensor) => ({ ...tensor, dtype: "F16" as const }));
}

/** The file that `torch.save` makes of a state dict. */
async function torchZip(tensors: Iterable<StoredTensor>): Promise<Uint8Array> {
  const items: Uint8Array[] = [];
  const storages: [string, Uint8Array][] = [];
  for (const { name, shape, values } of tensors) {
    const numbers = await values() as Float32Array;
    const key = String(storages.length);
    const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
    const storage = pickled.storage("FloatStorage", key, numbers.length);
    items.push(pickled.text(name), pickled.tensor(storage, 0, [...shape], strides));
    storages.push([`archive/data/${key}`, encodeValues("F32", numbers)]);
  }
  const pickle = pickled.whole(joined(pickled.dictionary(...items)));
  return craftZip([["archive/data.pkl", pickle], ...storages]);
}

async function writeForm(
  form: Form,
  directory: string,
  model: AudioClassificationModel,
): Promise<void> {
  const exported = PACKED_DTYPES.find((dtype) => form === `export ${dtype}`);
  if (exported) {
    await writeForm("safetensors f32", `${directory}-original`, model);
    await writeExport({ model: `${directory}-original`, output: directory, dtype: exported });
    return await Deno.remove(`${directory}-original`, { recursive: true });
  }
  await Deno.mkdir(directory);
  const extractor = new Wav2Vec2FeatureExtractor();
  for (const { name, chunks } of modelFiles(model, extractor)) {
    if (name === "model.safetensors" && form !== "safetensors f32") continue;
    await Deno.writeFile(`${directory}/${name}`, ReadableStream.from(chunks()));
  }
  if (form === "safetensors f16") {
    const { chunks } = streamSafetensors(halved(model.tensors()));
    await Deno.writeFile(`${directory}/model.safetensors`, ReadableStream.from(chunks()));
  }
  if (form === "pytorch_model.bin f32") {
    await Deno.writeFile(`${directory}/pytorch_model.bin`, await torchZip(model.tensors()));
  }
}

async function loadInOwnProcess(directory: string): Promise<Load> {
  const script = new URL(import.meta.url).pathname;
  const args = ["run", "-A", "--no-check", script, "--load", directory];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new RangeError(`Cannot load: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout)) as Load;
}

async function measureForms(preset: PresetName): Promise<Record<string, Load>> {
  const folder = await Deno.makeTempDir({ prefix: "earshot-loading-" });
  const device = await startWasm({ threads: 1 });
  const model = await buildModel(PRESETS[preset].config, { labels: ["a", "b", "c", "d"] });
  const loads: Record<string, Load> = {};
  try {
    for (const form of FORMS) {
      const directory = `${folder}/${form.replaceAll(" ", "-")}`;
      await writeForm(form, directory, model);
      loads[form] = await loadInOwnProcess(directory);
      await Deno.remove(directory, { recursive: true });
    }
  } finally {
    device.dispose();
    await Deno.remove(folder, { recursive: true });
  }
  return loads;
}

function isWithin({ beforeBytes, peakBytes, weightBytes, largestBytes }: Load): boolean {
  return peakBytes - beforeBytes <= weightBytes + largestBytes + ALLOWANCE_BYTES;
}

function row([form, found]: [string, Load]): string {
  const { beforeBytes, peakBytes, afterBytes, weightBytes, largestBytes, seconds } = found;
  const limitBytes = weightBytes + largestBytes + ALLOWANCE_BYTES;
  const sizes = [
    beforeBytes,
    weightBytes,
    largestBytes,
    peakBytes - beforeBytes,
    limitBytes,
    afterBytes - beforeBytes,
  ].map((bytes) => (bytes / MB).toFixed(0));
  return `| ${[form, ...sizes, seconds.toFixed(2)].join(" | ")} |`;
}

const { values } = parseArgs({
  options: {
    load: { type: "string" },
    json: { type: "string" },
    model: { type: "string", default: "base" },
  },
});
if (Deno.permissions.querySync({ name: "run" }).state !== "granted") {
  console.log("Loading is not measured: it takes processes of its own, deno run -A");
} else if (values.load !== undefined) {
  console.log(JSON.stringify(await load(values.load)));
} else {
  const loads = await measureForms(values.model as PresetName);
  console.log(
    "| form | before, MB | weights | largest | peak above before | limit | kept | seconds |",
  );
  console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  Object.entries(loads).forEach((entry) => console.log(row(entry)));
  if (values.json) await Deno.writeTextFile(values.json, JSON.stringify(loads, null, 2) + "\n");
  if (!Object.values(loads).every(isWithin)) Deno.exit(1);
}
