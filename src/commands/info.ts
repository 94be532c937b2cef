/**
 * `info`: what a model is, what it takes to run, and where each of its weights came from.
 *
 * Nothing is estimated: the operations are those of one forward pass, counted while it runs.
 *
 * @module
 */
import { basename } from "node:path";
import { tensor, tidy } from "@tensorflow/tfjs-core";
import { sharedWork } from "../classify/window_sharing.ts";
import { useDevice } from "../devices.ts";
import { type FeatureExtractor, ofAnyLength } from "../features/feature_extractor.ts";
import { loadFeatureExtractor } from "../features/load_extractor.ts";
import { countFlops } from "../flops.ts";
import type { HeadKind } from "../models/mod.ts";
import { type AudioClassificationModel, buildModel } from "../models/model.ts";
import { expectRoomFor, filesOf, openWeights } from "../pretrained.ts";
import { Random } from "../random.ts";
import { readJsonFile } from "../weights/json_file.ts";
import type { TensorSource } from "../weights/tensor_source.ts";
import { type Command, defineCommand, expectNoFiles } from "./_command.ts";
import { MODEL_OPTION, modelOrBundled } from "./_model_directory.ts";
import { type ClipMemory, clipMemory, printMemory } from "./_memory_plan.ts";
import { megabytes, type Output, table } from "./_output.ts";
import { type ScoreFacts, scoreFacts, scoreFactsText } from "./_score_facts.ts";

/** `info` on the command line. */
export const command: Command = defineCommand({
  usage: "info [--model DIR|ID] [--memory]",
  options: {
    ...MODEL_OPTION,
    memory: { kind: "flag", help: "print what a clip takes of memory, by kernel" },
    seconds: {
      ...{ kind: "number", min: 0.1, default: 10, value: "SECONDS" },
      help: "with --memory, of a clip so long",
    },
  },
  examples: ["info", "info --model my-model", "info --model my-model --memory --seconds 59"],
  run: async ({ options, files }, out) => {
    expectNoFiles(files);
    const directory = await modelOrBundled(options.model, out);
    const device = await useDevice({ backend: "wasm", threads: 0 });
    try {
      const info: ModelInfo = await infoOf(directory);
      if (options.memory) info.memory = await clipMemory(directory, options.seconds);
      const named = options.model ?? directory;
      print(info, named === directory ? directory : `${named}, at ${directory}`, out);
      out.event(info);
      return 0;
    } finally {
      device.dispose();
    }
  },
});

/** Tensors of a checkpoint that are named alike. */
interface WeightGroup {
  /** What their names begin with. */
  group: string;
  /** `null` where they are newly initialised. */
  file: string | null;
  /** As the file holds them, in the words of safetensors. */
  dtype: string;
  /** How they lie in the file: as `"rows"`, or in the form of a device that `export` gave them. */
  form: string;
  tensors: number;
  parameters: number;
}

/** What `info` prints with `--json`. */
export interface ModelInfo {
  model: string;
  modelType: string;
  architecture: string;
  parameters: number;
  /** Of the parameters; fine-tuning holds them, their gradients and two moments, and its batches besides. */
  memoryBytes: { float32: number; float16: number; fineTuning: number };
  /** What a clip takes, where `--memory` asks for it. */
  memory?: ClipMemory;
  /** What `export` stored the weights in; `null` where it did not write them. */
  exported: string | null;
  /**
   * Of products; `clipSeconds` is how long the clip was: every clip is, where the model takes one length only.
   */
  gflop: { perSecond: number; clip: number; clipSeconds: number };
  problemType: string;
  /** What its head gives: classes of clips, vectors of speakers, or scores of frames. */
  head: "clips" | HeadKind;
  labels: readonly string[];
  /** Hertz. */
  samplingRate: number;
  /** What was fitted to the scores, by the command `scores` or by hand; `null` where nothing was. */
  scores: ScoreFacts | null;
  /** The work that windows of detection share where the hop is a multiple of `stepSeconds`, or why they share none. */
  windowsShareWork: { work: string; stepSeconds: number } | { work: null; reason: string };
  /** Where the weights came from. */
  weights: WeightGroup[];
  /** Drawn at random, since the checkpoint does not have them. */
  newlyInitialised: string[];
  /** Drawn at random, since the checkpoint has them in another shape. */
  mismatched: string[];
  /** In the checkpoint, and no part of the model. */
  unexpected: string[];
}

async function infoOf(directory: string): Promise<ModelInfo> {
  const files = await filesOf(directory);
  const extractor = await loadFeatureExtractor(files);
  const config = await readJsonFile(files, "config.json");
  const source = await openWeights(files);
  try {
    expectRoomFor(source);
    const read: string[] = [];
    const model = await buildModel(config, {
      file: `${directory}/config.json`,
      source: watched(source, read),
      ignoreMismatchedSizes: true,
    });
    const { loading, parameterCount: parameters } = model;
    const [architecture] = model.toConfig().architectures as string[];
    const info: ModelInfo = {
      model: directory,
      modelType: model.modelType,
      architecture: architecture!,
      parameters,
      memoryBytes: {
        float32: 4 * parameters,
        float16: 2 * parameters,
        fineTuning: 16 * parameters,
      },
      exported: source.exported ?? null,
      gflop: gflopOf(model, extractor),
      problemType: model.problemType,
      head: model.headKind ?? "clips",
      labels: model.labels,
      samplingRate: extractor.samplingRate,
      scores: scoreFacts(model, `${directory}/config.json`),
      windowsShareWork: sharingOf(model, extractor),
      weights: weightGroups(model, source, read),
      newlyInitialised: loading.missing,
      mismatched: loading.mismatched,
      unexpected: loading.unexpected,
    };
    model.dispose();
    return info;
  } finally {
    source.close();
  }
}

/** The same source, which notes what is read. */
function watched(source: TensorSource, read: string[]): TensorSource {
  const { readHeld } = source;
  return {
    ...source,
    read: (name) => {
      read.push(name);
      return source.read(name);
    },
    readHeld: readHeld && ((name) => {
      read.push(name);
      return readHeld(name);
    }),
  };
}

/** Of a second of noise, or of the one length that the model takes. */
function gflopOf(
  model: AudioClassificationModel,
  extractor: FeatureExtractor,
): NonNullable<ModelInfo["gflop"]> {
  const fitting = model.takesAnyLength ? ofAnyLength(extractor) : extractor;
  const fewest = Math.max(model.minSamples, extractor.minSamples);
  const samples = fitting.fixedSamples ?? Math.max(extractor.samplingRate, fewest);
  const random = new Random(1);
  const clip = Float32Array.from({ length: samples }, () => 0.1 * random.normal());
  const { inputValues, shape } = fitting.extract([clip]);
  const flops = countFlops(() => {
    tidy(() => void model.forward({ inputs: tensor(inputValues, shape, "float32") }));
  });
  const clipSeconds = samples / extractor.samplingRate;
  return { perSecond: flops / 1e9 / clipSeconds, clip: flops / 1e9, clipSeconds };
}

function sharingOf(
  model: AudioClassificationModel,
  extractor: FeatureExtractor,
): ModelInfo["windowsShareWork"] {
  const found = sharedWork({ model, extractor });
  if ("reason" in found) return { work: null, reason: found.reason };
  return { work: found.shared, stepSeconds: found.stepSamples / extractor.samplingRate };
}

function weightGroups(
  model: AudioClassificationModel,
  source: TensorSource,
  read: string[],
): WeightGroup[] {
  const groups = new Map<string, WeightGroup>();
  const count = (
    name: string,
    shape: readonly number[],
    stored: Pick<WeightGroup, "file" | "dtype" | "form">,
  ) => {
    const group = groupOf(name);
    const { file, dtype, form } = stored;
    const key = JSON.stringify([group, file, dtype, form]);
    const found = groups.get(key) ?? { group, file, dtype, form, tensors: 0, parameters: 0 };
    found.tensors++;
    found.parameters += shape.reduce((product, length) => product * length, 1);
    groups.set(key, found);
  };
  for (const name of read) {
    count(name, source.shape(name)!, {
      file: source.origin(name),
      dtype: source.dtype(name)!,
      form: source.form?.(name) ?? "rows",
    });
  }
  for (const name of [...model.loading.missing, ...model.loading.mismatched]) {
    const { shape } = model.parameters.get(name)!;
    count(name, shape, { file: null, dtype: "F32", form: "rows" });
  }
  return [...groups.values()];
}

/** The parts of a name before the first number, three at most, and not the tensor's own. */
function groupOf(name: string): string {
  const parts = name.split(".");
  const number = parts.findIndex((part) => /^\d+$/.test(part));
  const depth = Math.min(3, number === -1 ? parts.length - 1 : number);
  return parts.slice(0, Math.max(1, depth)).join(".");
}

function print(info: ModelInfo, title: string, out: Output): void {
  const { memoryBytes, gflop, labels } = info;
  const row = (name: string, text: string) => out.line(`  ${name.padEnd(14)} ${text}`);
  out.line(out.strong(title));
  row("architecture", `${info.architecture} (${info.modelType})`);
  row("parameters", `${(info.parameters / 1e6).toFixed(2)} M`);
  row(
    "memory",
    `${megabytes(memoryBytes.float32)} in f32, ${megabytes(memoryBytes.float16)} in f16`,
  );
  if (info.exported) row("exported", `in ${info.exported}, for inference`);
  row("fine-tuning", `${megabytes(memoryBytes.fineTuning)}, and what a batch takes`);
  row("compute", computeText(gflop));
  row("head", HEADS[info.head]);
  row("labels", `${labels.length}: ${shortened(labels)}`);
  row("problem type", info.problemType);
  row("sampling rate", `${info.samplingRate} Hz`);
  row("scores", info.scores ? scoreFactsText(info.scores) : "as the model gives them");
  row("detection", sharingText(info.windowsShareWork));
  out.line();
  out.line(table(
    ["weights", "tensors", "parameters", "dtype", "file"],
    info.weights.map(({ group, tensors, parameters, dtype, form, file }) => {
      const stored = form === "rows" ? dtype : `${dtype} ${form}`;
      const place = file === null ? "newly initialised" : basename(file);
      return [group, tensors, parameters, stored, place];
    }),
  ));
  for (
    const [heading, names] of [
      ["Newly initialised", info.newlyInitialised],
      ["Newly initialised, since the file has another shape", info.mismatched],
      ["In the file, and not used", info.unexpected],
    ] as const
  ) {
    if (names.length > 0) out.line(`\n${heading}: ${shortened(names)}`);
  }
  if (info.memory) printMemory(info.memory, out);
}

const HEADS: Readonly<Record<ModelInfo["head"], string>> = {
  clips: "classes of a clip",
  xvector:
    "a vector of the speaker of a clip, for embed; its labels are the speakers of its training",
  frames: "scores of each frame, for detect",
};

function computeText(gflop: ModelInfo["gflop"]): string {
  const { perSecond, clip, clipSeconds } = gflop;
  const whole = clipSeconds === 1
    ? ""
    : `; ${clip.toFixed(2)} for a clip of ${Number(clipSeconds.toFixed(2))} s`;
  return `${perSecond.toFixed(2)} GFLOP a second of audio${whole}`;
}

function sharingText(sharing: ModelInfo["windowsShareWork"]): string {
  if (sharing.work === null) return `windows that overlap share no work: ${sharing.reason}`;
  const { work, stepSeconds } = sharing;
  return `windows that overlap share ${work}, computed once where the hop is a multiple of ${
    Number(stepSeconds.toFixed(5))
  } s`;
}

const SHOWN_NAMES = 12;

function shortened(names: readonly string[]): string {
  const more = names.length - SHOWN_NAMES;
  return names.slice(0, SHOWN_NAMES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
