/**
 * `pull`: a model of the hub into the cache, or into a directory of its own.
 *
 * @module
 */
import { join } from "node:path";
import { attempt, listFolder, writeDirectoryAtomic } from "../files.ts";
import { type HubFile, hubFiles, parseHubName } from "../hub/mod.ts";
import { modelFileNames } from "../hub/model_files.ts";
import { UsageError } from "./_arguments.ts";
import { type Command, defineCommand } from "./_command.ts";
import { fetchModel } from "./_model_directory.ts";

/** `pull` on the command line. */
export const command: Command = defineCommand({
  usage: "pull NAME [--output DIR] [--revision NAME]",
  options: {
    output: { kind: "string", value: "DIR", help: "a directory to write (the cache alone)" },
    overwrite: { kind: "flag", help: "replace that directory" },
    revision: { kind: "string", help: "branch, tag, commit or refs/pr/1 (main)" },
  },
  examples: [
    "pull superb/wav2vec2-base-superb-ks",
    "pull me/my-model --revision v1.0 --output my-model",
  ],
  note: "What is in the cache is used by every command, offline too: HF_HUB_OFFLINE=1.",
  run: async ({ options, files }, out) => {
    const { id, revision } = namedModel(files, options.revision);
    const cached = await fetchModel(id, { revision }, out);
    const { output } = options;
    if (output !== undefined) {
      await writeModel({ id, revision, cached, output, replace: options.overwrite });
    }
    const directory = output ?? cached;
    out.line(`The model is in ${directory}`);
    out.event({ event: "pull", id, directory });
    return 0;
  },
});

/** @throws {UsageError} when there is not one name, or it cannot be on the hub. */
function namedModel(
  [name, ...more]: string[],
  revision: string | undefined,
): { id: string; revision?: string } {
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
