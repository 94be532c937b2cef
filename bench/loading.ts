/**
 * What memory and time loading takes for each form that a checkpoint comes in.
 *
 * Each load runs in a process of its own, which starts the device, notes what it holds, loads, and notes the most
 * that it held; an export takes its form again from the file. The limit is the weights as held, the largest tensor and
 * 64 MB above what was held before; the run fails where it is exceeded. Linux only: the kernel's own account of
 * resident memory is read.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { Wav2Vec2FeatureExtractor } from "../src/features/mod.ts";
import { heldWeight } from "../src/kernels.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { type AudioClassificationModel, buildModel, type StoredTensor } from "../src/models/mod.ts";
import { loadPretrained, modelFiles } from "../src/pretrained.ts";
import { PRESETS } from "../src/train/options/presets.ts";
import { encodeValues } from "../src/weights/_dtypes.ts";
import { streamSafetensors } from "../src/weights/safetensors_writer.ts";
import { craftZip, joined, pickled } from "../test/weights/craft_torch.ts";
import { LABELS } from "./_models.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { measureByScript, readRequest, ROOT, runCli } from "./_process.ts";
import { type BenchRow, rowOf } from "./_records.ts";

/** `loading`. */
export const question: Question = {
  asks: "What memory and time does loading take, for each form of a checkpoint?",
  options: { model: { help: "tiny, small or base", default: "base" } },
  answer,
};

const MB = 1e6;
const ALLOWANCE_BYTES = 64 * MB;

/** What a process of its own finds. */
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
  const model = await loadPretrained(directory);
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
  const [kind, dtype] = form.split(" ") as [string, string];
  if (kind === "export") {
    const original = `${directory}-original`;
    await writeForm("safetensors f32", original, model);
    await runCli(ROOT, "export", "--model", original, "--output", directory, "--dtype", dtype);
    return await Deno.remove(original, { recursive: true });
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

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const preset = options.oneOf("model", ["base", "small", "tiny"]);
  const folder = await Deno.makeTempDir({ prefix: "earshot-loading-" });
  const device = await startWasm({ threads: 1 });
  const model = await buildModel(PRESETS[preset].config, { labels: [...LABELS] });
  const tooMuch: Form[] = [];
  try {
    for (const form of FORMS) {
      notes.progress(form);
      const directory = `${folder}/${form.replaceAll(" ", "-")}`;
      await writeForm(form, directory, model);
      const found = await measureByScript<Load>("loading.ts", { directory });
      await Deno.remove(directory, { recursive: true });
      if (!isWithin(found)) tooMuch.push(form);
      yield* rowsOf(`${preset}, ${form}`, found);
    }
  } finally {
    device.dispose();
    await Deno.remove(folder, { recursive: true });
  }
  if (tooMuch.length === 0) return;
  throw new RangeError(`Cannot load ${tooMuch.join(", ")}: expected a peak within the limit`);
}

function isWithin({ beforeBytes, peakBytes, weightBytes, largestBytes }: Load): boolean {
  return peakBytes - beforeBytes <= weightBytes + largestBytes + ALLOWANCE_BYTES;
}

function* rowsOf(name: string, found: Load): Generator<BenchRow> {
  const { beforeBytes, peakBytes, afterBytes, weightBytes, seconds } = found;
  yield rowOf(`${name}: peak above before`, (peakBytes - beforeBytes) / MB, "MB");
  yield rowOf(`${name}: kept`, (afterBytes - beforeBytes) / MB, "MB");
  yield rowOf(`${name}: weights as held`, weightBytes / MB, "MB");
  yield rowOf(`${name}: time`, seconds, "s");
}

if (import.meta.main) {
  console.log(JSON.stringify(await load(readRequest<{ directory: string }>().directory)));
}
