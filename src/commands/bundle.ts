/**
 * `bundle`: a model and the service around it as one directory that runs and deploys as it is.
 *
 * The directory needs neither Earshot nor npm, and may be moved anywhere. Its weights are those that `export` wrote, or
 * one safetensors file; a checkpoint in another form is rewritten as one.
 *
 * @module
 */
import { gzipSync } from "node:zlib";
import { buildServer, buildSiteWorker, type BuiltModel } from "../../edge/build.ts";
import { sitePage } from "../../edge/ui_texts.ts";
import { takePeakBytes } from "../kernels/wasm/peak_memory.ts";
import { memoryFor } from "../../edge/memory_plan.ts";
import { SETTINGS_FILE } from "../../edge/settings.ts";
import { pipeline } from "../classify/pipeline.ts";
import type { FeatureExtractor } from "../features/mod.ts";
import { FileError } from "../errors.ts";
import type { HeadedClassifier } from "../classify/heads.ts";
import type { BackboneFacts } from "../heads/backbone.ts";
import { type BundledHeads, HEADS_FILE } from "../heads/bundled_heads.ts";
import { HEAD_FILE } from "../heads/head_directory.ts";
import { listFolder, listFolderIfThere, makeDirectory, writeDirectoryAtomic } from "../files.ts";
import { directFiles, jsonBytes, loadPretrained, savePretrained } from "../pretrained.ts";
import { readJsonFileIfThere } from "../weights/json_file.ts";
import { PACKED_FILE } from "../weights/packed.ts";
import {
  BUNDLE_TARGETS,
  type BundleTarget,
  type BundleTargetName,
  HOST_FILES,
  hostName,
  TARGET_NAMES,
} from "./_bundle_targets.ts";
import { type Command, defineCommand, expectNoFiles } from "./_command.ts";
import { HEADS_OPTION, namedHeads } from "./_heads.ts";
import { MODEL_OPTION, modelOrBundled } from "./_model_directory.ts";
import { documentFiles, pageFiles } from "./_service_documents.ts";
import { serviceOptions, SETTINGS_OPTION, settingsToKeep } from "./_service_options.ts";

/** `bundle` on the command line. */
export const command: Command = defineCommand({
  usage: "bundle [--model DIR|ID] [--head NAME=DIR ...] --output DIR",
  options: {
    ...MODEL_OPTION,
    ...HEADS_OPTION,
    teachable: { kind: "flag", help: "heads may be taught where EARSHOT_TEACH_TOKEN is set" },
    output: { kind: "string", value: "DIR", required: true, help: "where the bundle goes" },
    overwrite: { kind: "flag", help: "replace an earlier bundle in --output" },
    target: { kind: "choice", choices: TARGET_NAMES, default: "deno", help: "where it is to run" },
    "max-script-mb": {
      kind: "number",
      min: 0,
      default: 8,
      help: "cloudflare: larger files are fetched from R2, KV or a URL",
    },
    ...SETTINGS_OPTION,
  },
  others: serviceOptions("bundle"),
  examples: [
    "bundle --output service",
    "bundle --model my-model --output service --overwrite",
    "bundle --target cloudflare --output worker",
  ],
  run: async ({ options, others, files }, out) => {
    expectNoFiles(files);
    const { output, overwrite, target } = options;
    const maxScriptBytes = options["max-script-mb"] * 2 ** 20;
    const model = await modelOrBundled(options.model, out);
    const { head, teachable } = options;
    const heads = head || teachable ? namedHeads(head) : undefined;
    const settings = await settingsToKeep(others, options.settings);
    const host = { target, maxScriptBytes };
    const result = await bundle({
      ...{ model, heads, output, overwrite, settings, log: out.line },
      ...host,
    });
    out.event(result);
    return 0;
  },
});

/** What to bundle, and where to. */
export interface BundleOptions {
  /** The model directory. */
  model: string;
  /** Directories of heads by name; with none, heads can still be taught. @default the model's own head alone */
  heads?: Readonly<Record<string, string>>;
  /** The directory to make. */
  output: string;
  /** Whether an earlier bundle there is replaced. @default false */
  overwrite?: boolean;
  /** What `settings.json` is to hold; the environment goes before. @default no such file */
  settings?: Readonly<Record<string, unknown>>;
  /** Where it is to run. @default "deno" */
  target?: BundleTargetName;
  /** For Cloudflare: most bytes of files in the script; larger ones are fetched. @default 8 MiB */
  maxScriptBytes?: number;
  /** Gets the lines for the user. @default none */
  log?: (line: string) => void;
}

/** What was written. */
export interface BundleResult {
  /** The directory. */
  output: string;
  /** Every file by its path in the directory. */
  files: { name: string; sizeBytes: number }[];
  /** `server.js`, `main.js` and the modules of WebAssembly that are not in them. */
  codeBytes: number;
  /** The same, each compressed with gzip. */
  codeGzipBytes: number;
  /** Modules with a part in `server.js`, and their bytes there. */
  reached: Record<string, number>;
}

/** The forms of weights that the service reads. */
const WEIGHT_FILES = ["model.safetensors", PACKED_FILE] as const;
const DOCUMENTS = ["openapi.json", "docs.html"] as const;

/** All that a bundle holds; a directory with anything else in it is never replaced. */
const OWN_NAMES: readonly string[] = [
  ...HOST_FILES,
  ...DOCUMENTS,
  SETTINGS_FILE,
  "model",
  "heads",
  "ui",
];

/**
 * Writes the bundle of a model, whole or not at all.
 *
 * @throws {CheckpointError} when the model cannot classify.
 * @throws {UnsupportedOpError} when its head does not classify clips.
 * @throws {FileError} when the output holds files already, or cannot be written.
 */
export async function bundle(options: BundleOptions): Promise<BundleResult> {
  const { model, output, overwrite = false, settings = {}, log = () => {} } = options;
  const { target: name = "deno", maxScriptBytes = 8 * 2 ** 20 } = options;
  const target: BundleTarget = BUNDLE_TARGETS[name];
  const isSite = target.build === "site";
  // Whoever has the page may train heads in it.
  const heads = options.heads ?? (isSite ? {} : undefined);
  const replace = await mayReplace(output, overwrite);
  // A model that cannot be loaded here could not answer there.
  const classifier = heads
    ? await pipeline("audio-classification", model, { heads })
    : await pipeline("audio-classification", model);
  try {
    classifier.model.expectClipHead(`bundle "${model}"`);
    const { code, reached } = await codeFor(target, await builtModel(model, classifier.extractor));
    await writeDirectoryAtomic(output, async (folder) => {
      await writeFiles(folder, code);
      const memoryMb = memoryOf(settings);
      const kept = name === "cloudflare" ? settings : { memoryMb, ...settings };
      if (!isSite) await writeService(folder, kept, heads !== undefined);
      await Deno.mkdir(`${folder}/model`);
      await writeModel(model, `${folder}/model`, classifier.extractor);
      if (heads) await writeHeads(folder, heads, (classifier as HeadedClassifier).heads.backbone!);
      const names = (await filesIn(folder)).filter((file) => !Object.hasOwn(code, file));
      const written = { folder, name: hostName(output), names, model, maxScriptBytes, memoryMb };
      await writeFiles(folder, await target.files(written));
    }, { replace });
    const result = await resultOf(output, { code, reached });
    for (const line of summary(result, target)) log(line);
    return result;
  } finally {
    classifier.dispose();
  }
}

/** The memory that the service may take: what the operator says, or enough for one thread. */
function memoryOf({ memoryMb: stated }: Readonly<Record<string, unknown>>): number {
  takePeakBytes();
  // Nothing is computed now, so that this is what the weights take.
  const weightBytes = takePeakBytes() ?? 0;
  return typeof stated === "number" ? stated : Math.ceil(memoryFor(weightBytes) / 2 ** 20);
}

/** What is built, by name. */
async function codeFor(
  { build, hasProgram }: BundleTarget,
  model: BuiltModel | undefined,
): Promise<BuiltCode> {
  if (build === "site") {
    const encoder = new TextEncoder();
    const page = Object.entries(sitePage()).map(([name, text]) => [name, encoder.encode(text)]);
    const code = { ...Object.fromEntries(page), "worker.js": await buildSiteWorker() };
    return { code, reached: {} };
  }
  const { server, main, modules, reached } = await buildServer(build, model);
  const code = { "server.js": server, ...hasProgram && { "main.js": main }, ...modules };
  return { code, reached };
}

/** What the code has to know of models: this one. */
async function builtModel(
  directory: string,
  extractor: FeatureExtractor,
): Promise<BuiltModel | undefined> {
  const files = await directFiles(directory);
  const config = await readJsonFileIfThere(files, "config.json") as
    | { model_type?: unknown }
    | undefined;
  const { feature_extractor_type: extractorType } = extractor.toConfig() as Record<string, unknown>;
  if (typeof config?.model_type !== "string" || typeof extractorType !== "string") return;
  return { modelType: config.model_type, extractorType };
}

interface BuiltCode {
  code: Readonly<Record<string, Uint8Array>>;
  reached: Record<string, number>;
}

/** What a service has beside its code and its model. */
async function writeService(
  folder: string,
  settings: Readonly<Record<string, unknown>>,
  hasHeads: boolean,
): Promise<void> {
  const hasSettings = Object.keys(settings).length > 0;
  if (hasSettings) await Deno.writeFile(`${folder}/${SETTINGS_FILE}`, jsonBytes(settings));
  const hasPage = settings.ui === true;
  if (hasPage) await Deno.mkdir(`${folder}/ui`);
  const documents = { ...documentFiles({ hasHeads, hasPage }), ...hasPage && await pageFiles() };
  for (const [name, text] of Object.entries(documents)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
}

async function writeFiles(
  folder: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<void> {
  for (const [name, bytes] of Object.entries(files)) {
    await Deno.writeFile(`${folder}/${name}`, bytes);
  }
}

/** Whether the output is an earlier bundle that may go; false where there is nothing yet. */
async function mayReplace(output: string, overwrite: boolean): Promise<boolean> {
  const { files, folders } = await listFolderIfThere(output);
  const names = [...files, ...folders];
  if (names.length === 0) return false;
  const foreign = names.find((name) => !OWN_NAMES.includes(name));
  if (overwrite && foreign === undefined) return true;
  const expected = overwrite ? "an earlier bundle and nothing else" : "a new or empty directory";
  throw new FileError(
    `Cannot write bundle "${output}": expected ${expected}, found "${foreign ?? names[0]}" in it`,
    {
      file: output,
      hint: foreign ? "Name another directory" : "Add --overwrite to replace it",
    },
  );
}

/** Copies the files that the service reads, or writes them where the weights have another form. */
async function writeModel(from: string, to: string, extractor: FeatureExtractor): Promise<void> {
  const { files } = await listFolder(from);
  const weights = WEIGHT_FILES.find((name) => files.includes(name));
  if (!weights) return await saveAs(to, from, extractor);
  await Deno.writeFile(`${to}/preprocessor_config.json`, jsonBytes(extractor.toConfig()));
  for (const name of ["config.json", weights]) {
    // Unlike copyFile(), this asks for no right to write where it reads.
    using file = await Deno.open(`${from}/${name}`);
    await Deno.writeFile(`${to}/${name}`, file.readable);
  }
}

/** Copies heads, which were compared with the backbone, and names them. */
async function writeHeads(
  folder: string,
  heads: Readonly<Record<string, string>>,
  { fingerprint }: BackboneFacts,
): Promise<void> {
  const names = Object.keys(heads);
  const facts: BundledHeads = { backbone: { fingerprint }, heads: names };
  await Deno.writeFile(`${folder}/model/${HEADS_FILE}`, jsonBytes(facts));
  for (const name of names) {
    await makeDirectory(`${folder}/heads/${name}`);
    const files = await directFiles(heads[name]!);
    for (const file of ["config.json", HEAD_FILE]) {
      const source = (await files.open(file))!;
      const bytes = await source.read(0, source.sizeBytes);
      source.close?.();
      await Deno.writeFile(`${folder}/heads/${name}/${file}`, bytes);
    }
  }
}

/** Writes the model of a directory anew, as safetensors. */
async function saveAs(to: string, from: string, extractor: FeatureExtractor): Promise<void> {
  const model = await loadPretrained(from);
  try {
    await savePretrained(to, model, extractor);
  } finally {
    model.dispose();
  }
}

async function resultOf(
  output: string,
  build: BuiltCode,
): Promise<BundleResult> {
  const code = Object.values(build.code);
  return {
    output,
    files: await Promise.all((await filesIn(output)).map(async (name) => {
      return { name, sizeBytes: (await Deno.stat(`${output}/${name}`)).size };
    })),
    codeBytes: code.reduce((sum, bytes) => sum + bytes.length, 0),
    codeGzipBytes: code.reduce((sum, bytes) => sum + gzipBytes(bytes), 0),
    reached: build.reached,
  };
}

/** The paths of all files of a bundle, its code first. */
async function filesIn(folder: string, prefix = ""): Promise<string[]> {
  const { files, folders } = await listFolder(`${folder}/${prefix}`);
  const inner = await Promise.all(folders.map((name) => filesIn(folder, `${prefix}${name}/`)));
  return [...files.map((name) => prefix + name).sort(byPlace), ...inner.flat()];
}

function byPlace(a: string, b: string): number {
  const [first, second] = [a, b].map((name) => HOST_FILES.indexOf(name) + 1 || Infinity);
  return first! - second! || (a < b ? -1 : 1);
}

/** As `gzip -9` makes it. */
function gzipBytes(bytes: Uint8Array): number {
  return gzipSync(bytes, { level: 9 }).length;
}

function summary(
  { output, files, codeGzipBytes }: BundleResult,
  { start, build }: BundleTarget,
): string[] {
  const kilobytes = (bytes: number) => `${(bytes / 1024).toFixed(1)} KB`;
  return [
    `Bundled into ${output}: code ${kilobytes(codeGzipBytes)} gzipped`,
    ...files.map(({ name, sizeBytes }) => `  ${name.padEnd(32)} ${kilobytes(sizeBytes)}`),
    "",
    "Try it:",
    `  cd ${output}`,
    ...start.map((command) => `  ${command}`),
    build === "site"
      ? "  and open http://localhost:8000/"
      : '  curl --data-binary @clip.wav "http://localhost:8000/?top_k=3"',
  ];
}
