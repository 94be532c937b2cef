/**
 * The whole service as one file: the entry that `bundle` hands to esbuild.
 *
 * It loads the model from the folder `model` beside itself, wherever both were moved, on the first
 * request.
 *
 * @module
 */
import "./_tfjs_platform.ts";
import { loadClassifier, loadParts } from "../src/classify/classifier.ts";
import { createHeadedClassifier } from "../src/classify/heads.ts";
import { CheckpointError } from "../src/errors.ts";
import { startWasm } from "../src/kernels/wasm/browser.ts";
import { openHead } from "../src/heads/head_directory.ts";
import { type BundledHeads, HEADS_FILE } from "../src/heads/bundled_heads.ts";
import type { InferenceModel } from "../src/models/mod.ts";
import { readJsonFileIfThere } from "../src/weights/json_file.ts";
import type { FileReader } from "../src/weights/byte_source.ts";
import { lendTensors } from "../src/weights/lent_tensors.ts";
import { openPacked, PACKED_FILE } from "../src/weights/packed.ts";
import { openSafetensors } from "../src/weights/safetensors.ts";
import type { TensorSource } from "../src/weights/tensor_source.ts";
import { endBySignals, runProgram } from "./_program.ts";
import { hostOf } from "./hosts/deno.ts";
import { classifierPool, defaultWorkers } from "./classifier_pool.ts";
import { answerQuestions } from "./inference_thread.ts";
import { type App, createApp, type ServedClassifier } from "./mod.ts";
import { SettingError, settingsBeside, textBeside } from "./read_settings.ts";
import { appOptions, DEFAULT_SETTINGS } from "./settings.ts";
import { bodyLimits, tensorBytesOf, workersFor } from "./memory_plan.ts";
import { type ComputingLimits, longestClip } from "./warm_up.ts";

/** The build puts the host of its target in the place of Deno's. */
const host = hostOf(import.meta.url);

/** `bundle` writes these two forms of weights, so the readers of the others stay out. */
const FORMS = [
  [PACKED_FILE, openPacked],
  ["model.safetensors", openSafetensors],
] as const;

/** The weights; each tensor's memory goes back as soon as the device has it. */
async function openWeights(files: FileReader): Promise<TensorSource> {
  for (const [name, open] of FORMS) {
    const file = await files.open(name);
    if (file) return lendTensors(await open(file));
  }
  const expected = FORMS.map(([name]) => `"model/${name}"`).join(" or ");
  throw new CheckpointError(`Cannot load weights: expected ${expected}, found nothing`, {
    file: "model",
  });
}

function longestSeconds(): number {
  const { maxClipSeconds = host.maxClipSeconds ?? DEFAULT_SETTINGS.maxClipSeconds! } = settings;
  return maxClipSeconds;
}

/** The memory that there is, where the operator or the host says so. */
function memoryBytes(): number | undefined {
  return settings.memoryMb === undefined ? host.memoryLimitBytes : settings.memoryMb * 2 ** 20;
}

/** What each of the threads, which all find the same, may take. */
async function plan(): Promise<ComputingLimits & { workers: number }> {
  const maxSeconds = longestSeconds();
  const most = settings.workers ?? defaultWorkers();
  const bytes = memoryBytes();
  if (bytes === undefined) return { workers: most, maxSeconds };
  const weightBytes = await weightsSize();
  const workers = settings.workers ?? workersFor({ memoryBytes: bytes, weightBytes, most });
  return { workers, maxSeconds, tensorBytes: tensorBytesOf(bytes, workers) };
}

async function weightsSize(): Promise<number> {
  for (const [name] of FORMS) {
    const file = await host.files("model").open(name);
    if (!file) continue;
    file.close?.();
    return file.sizeBytes;
  }
  return 0;
}

async function load(): Promise<ServedClassifier> {
  await startWasm({ module: host.kernels });
  const files = host.files("model");
  const options = { maxSeconds: longestSeconds() };
  const facts = await readJsonFileIfThere(files, HEADS_FILE) as BundledHeads | undefined;
  if (!facts) return await loadClassifier(files, openWeights, options);
  const { model, extractor } = await loadParts(files, openWeights, options);
  model.expectComplete("model", { backboneAlone: true });
  const heads = new Map<string, InferenceModel>();
  for (const name of facts.heads) {
    const head = await openHead(host.files(`heads/${name}`));
    heads.set(name, await model.withHead(head));
    head.source.close();
  }
  const { backbone } = facts;
  return createHeadedClassifier({ model, extractor }, heads, { ...options, backbone });
}

/** By its name this module knows that it is the thread of inference. */
const THREAD = "earshot-inference";

/** The model in threads of their own; in this one where the host has no workers, or does not let this file be one. */
async function loadInThreads(): Promise<ServedClassifier> {
  if (!host.threads) return await load();
  const { workers } = await plan();
  try {
    return await classifierPool(host.threads.starter(THREAD), { workers });
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    return await load();
  }
}

const settings = await settingsBeside(host).catch((error: unknown): never => {
  // One line is all that a wrong setting needs, where the host can be ended.
  if (!(error instanceof SettingError) || !host.program) throw error;
  console.error(error.message);
  host.program.exit(2);
  throw error;
});
const scope = host.threads?.scope(THREAD);
if (scope) {
  await answerQuestions(scope, async () => {
    const classifier = await load();
    return { classifier, device: "WASM", maxSeconds: await longestClip(classifier, await plan()) };
  });
}

const ofMemory = memoryBytes();
const app = createApp(loadInThreads, {
  ...ofMemory !== undefined && bodyLimits(ofMemory),
  ...appOptions(settings),
  documents: (name) => textBeside(host, name),
  upgradeWebSocket: host.upgradeWebSocket,
});

/** `deno serve` has this module as its main one. */
const served = import.meta.main && !scope ? host.program?.served?.(app.fetch) : undefined;
if (served) endBySignals(app, { program: host.program!, running: served, settings });

/** What a bundle's program and hosts that call `fetch` get. */
interface Server extends Omit<App, "metrics"> {
  /** Takes requests until a signal to end. */
  run(): Promise<unknown>;
}

/**
 * For `deno serve`, and for every host that calls `fetch` of a default export; `close` ends live streams. The thread of
 * inference keeps a program that imports this until it exits.
 */
export default {
  fetch: (served?.fetch ?? host.entry?.(app.fetch) ?? app.fetch) as App["fetch"],
  ...{ load: app.load, close: app.close },
  // A thread may begin with the program too.
  run: async () => scope || await runProgram(app, host.program!, settings),
} satisfies Deno.ServeDefaultExport & Server;
