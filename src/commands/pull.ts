/**
 * `pull`: a model or a data set of the hub into the cache, or into a directory of its own.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { cachedDataset, type CachedFile } from "../data/cached_dataset.ts";
import { HubError } from "../errors.ts";
import { attempt, listFolder, writeDirectoryAtomic } from "../files.ts";
import { type HubFile, hubFiles, type HubName, parseHubName } from "../hub/mod.ts";
import { modelFileNames } from "../hub/model_files.ts";
import { type OptionSpecs, type OptionValues, UsageError } from "./_arguments.ts";
import { type Command, defineCommand } from "./_command.ts";
import { fetchModel } from "./_model_directory.ts";
import type { Output } from "./_output.ts";
import { transferBars } from "./_transfers.ts";

const OPTIONS = {
  dataset: { kind: "flag", help: "the name is that of a data set (where there is no such model)" },
  "data-name": { kind: "string", help: 'configuration of the data set, such as "en-US"' },
  output: { kind: "string", value: "DIR", help: "a directory to write (the cache alone)" },
  overwrite: { kind: "flag", help: "replace that directory" },
  verify: { kind: "flag", help: "read what is in the cache again, and fetch what has changed" },
  revision: { kind: "string", help: "branch, tag, commit or refs/pr/1 (main)" },
} as const satisfies OptionSpecs;

/** `pull` on the command line. */
export const command: Command = defineCommand({
  usage: "pull NAME [--dataset] [--output DIR] [--revision NAME]",
  options: OPTIONS,
  examples: [
    "pull superb/wav2vec2-base-superb-ks",
    "pull me/my-model --revision v1.0 --output my-model",
    "pull PolyAI/minds14 --dataset --data-name en-US",
  ],
  note: "What is in the cache is used by every command; only train, pull and push ask the hub.",
  run: async ({ options, files }, out) => {
    const named = namedRepository(files, options.revision);
    const isDataset = options.dataset || options["data-name"] !== undefined;
    if (isDataset) return await pullDataset(named, options, out);
    return await pullModel(named, options, out).catch(async (error) => {
      if (!(error instanceof HubError && error.reason === "repository")) throw error;
      return await pullDataset(named, options, out).catch((other) => {
        throw other instanceof HubError && other.reason === "repository" ? error : other;
      });
    });
  },
});

type Options = OptionValues<typeof OPTIONS>;

async function pullModel(
  { id, revision }: HubName,
  { output, overwrite, verify }: Options,
  out: Output,
): Promise<number> {
  const cached = await fetchModel(id, { revision, verify, onDamaged: damageNote(out) }, out);
  if (output !== undefined) {
    await writeModel({ id, revision, cached, output, replace: overwrite });
  }
  const directory = output ?? cached;
  out.line(`The model is in ${directory}`);
  out.event({ event: "pull", kind: "model", id, directory });
  return 0;
}

async function pullDataset(
  { id, revision }: HubName,
  { output, overwrite, verify, "data-name": name }: Options,
  out: Output,
): Promise<number> {
  const bars = transferBars("Downloading", out);
  const files = await cachedDataset(id, {
    name,
    revision,
    verify,
    onDamaged: damageNote(out),
    onProgress: (progress) => bars.show({ ...progress, doneBytes: progress.receivedBytes }),
  }).finally(bars.end);
  const directory = output ?? commonFolder(files);
  if (output !== undefined) {
    await writeDirectoryAtomic(output, (folder) => copyFiles(files, folder), {
      replace: overwrite,
    });
  }
  out.line(`The data set is in ${directory}`);
  out.event({ event: "pull", kind: "dataset", id, directory, files: files.length });
  return 0;
}

function damageNote(out: Output): (file: string) => void {
  return (file) => out.warn(`Warning: "${file}" in the cache has changed; fetching it again`);
}

async function copyFiles(files: readonly CachedFile[], folder: string): Promise<void> {
  for (const { path, cached } of files) {
    const target = join(folder, path);
    await Deno.mkdir(dirname(target), { recursive: true });
    await attempt("write", target, () => Deno.copyFile(cached, target));
  }
}

/** The snapshot in the cache, which every file of it lies below. */
function commonFolder([first]: readonly CachedFile[]): string {
  return first ? first.cached.slice(0, first.cached.length - first.path.length - 1) : "the cache";
}

/** @throws {UsageError} when there is not one name, or it cannot be on the hub. */
function namedRepository([name, ...more]: string[], revision: string | undefined): HubName {
  const parsed = name === undefined || more.length > 0 ? undefined : parseHubName(name);
  if (parsed) return { id: parsed.id, revision: revision ?? parsed.revision };
  const found = name === undefined ? "none" : `"${[name, ...more].join(" ")}"`;
  throw new UsageError(`Cannot pull: expected one name like "org/name", found ${found}`);
}

/** Larger files and those of other libraries stay on the hub. */
const MAX_BESIDE_BYTES = 2 ** 26;
const OTHER_WEIGHTS =
  /\.(safetensors|bin|pt|pth|ot|h5|msgpack|onnx|gguf|tflite|ckpt|npz|index\.json)$/;

interface PulledModel {
  id: string;
  revision?: string;
  /** The model's directory in the cache. */
  cached: string;
  output: string;
  replace: boolean;
}

/** Copies the model, and what lies beside it for people to read. */
async function writeModel({ id, revision, cached, output, replace }: PulledModel): Promise<void> {
  const { files: names } = await listFolder(cached);
  const model = ["config.json", ...modelFileNames(names)];
  const repository = await hubFiles(id, { revision });
  const beside = repository.files.filter((file) => isBeside(file) && !model.includes(file.path));
  await writeDirectoryAtomic(output, async (folder) => {
    const copy = (from: string, name: string) =>
      attempt("write", join(output, name), () => Deno.copyFile(from, join(folder, name)));
    for (const name of model) await copy(join(cached, name), name);
    for (const { path } of beside) await copy(await repository.path(path), path);
  }, { replace });
}

function isBeside({ path, sizeBytes }: HubFile): boolean {
  return !path.includes("/") && !path.startsWith(".") && sizeBytes <= MAX_BESIDE_BYTES &&
    !OTHER_WEIGHTS.test(path);
}
