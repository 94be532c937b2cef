/**
 * The files of a model on the hub, safetensors first: where `main` has weights of torch alone, the bot of the hub
 * mostly offers converted ones in a pull request, and those are taken.
 *
 * Only the bot's own request counts (anyone can open one), and only while it holds the same weights of torch. Where
 * there is none, the file of torch is read.
 *
 * @module
 */
import { dirname } from "node:path";
import { HubError } from "../errors.ts";
import type { FileReader } from "../weights/byte_source.ts";
import { cachedPullRequests, cachedRepository, type HubFile } from "./cache.ts";
import { parseHubName } from "./names.ts";
import { hubFiles, type HubRepository } from "./repository.ts";
import { clientFetch } from "./request.ts";
import { type HubOptions, type HubSettings, hubSettings } from "./settings.ts";

/** Which revision of a model, and how the hub is reached. */
export interface HubModelOptions extends HubOptions {
  /** A branch, a tag, a commit or `refs/pr/1`. @default the one of `org/name@revision`, else "main" */
  revision?: string;
}

const CONVERSION_TITLE = "Adding `safetensors` variant of this model";
const CONVERSION_AUTHOR = "SFconvertbot";
const SAFETENSORS = /^model[^/]*\.safetensors(\.index\.json)?$/;
const TORCH = /^pytorch_model(-\d+-of-\d+)?\.bin(\.index\.json)?$/;

/**
 * The files of `org/name` or `org/name@revision`, for the readers of weights and configurations.
 *
 * @throws {HubError} as {@linkcode hubFiles} does.
 *
 * @example
 * ```ts
 * import { hubModelFiles } from "@earshot/earshot";
 * import { rejects } from "node:assert/strict";
 *
 * const cache = { offline: true, cacheDirectory: await Deno.makeTempDir() };
 * // Online, or once they are in the cache, a model is made of them: `fromPretrained(await files)`.
 * const files = hubModelFiles("superb/wav2vec2-base-superb-ks", { revision: "main", ...cache });
 * await rejects(files, { name: "HubError", reason: "offline" });
 * ```
 */
export async function hubModelFiles(
  name: string,
  options: HubModelOptions = {},
): Promise<FileReader> {
  const repository = await findModel(name, options);
  if (repository.files.some(isSafetensors)) return repository;
  let conversion: Promise<HubRepository | undefined> | undefined;
  return {
    name: repository.name,
    open: async (file) => {
      if (!SAFETENSORS.test(file)) return await repository.open(file);
      conversion ??= findConversion(repository, options);
      return await (await conversion)?.open(file);
    },
  };
}

/**
 * The folder in the cache that holds a model: its configuration and its weights, in one form.
 *
 * @param name `org/name` or `org/name@revision`.
 * @throws {HubError} as {@linkcode hubFiles} does.
 *
 * @example
 * ```ts
 * import { hubModelDirectory } from "@earshot/earshot";
 * import { rejects } from "node:assert/strict";
 *
 * const cache = { offline: true, cacheDirectory: await Deno.makeTempDir() };
 * // Online, or once it is in the cache, it is a path like ".../snapshots/<commit>".
 * const directory = hubModelDirectory("superb/wav2vec2-base-superb-ks", cache);
 * await rejects(directory, { name: "HubError", reason: "offline" });
 * ```
 */
export async function hubModelDirectory(
  name: string,
  options: HubModelOptions = {},
): Promise<string> {
  const main = await findModel(name, options);
  const conversion = main.files.some(isSafetensors)
    ? undefined
    : await findConversion(main, options);
  const repository = conversion?.files.some(({ path }) => path === CONFIG) ? conversion : main;
  const names = repository.files.map(({ path }) => path);
  // An adapter has those of its model.
  const config = await repository.path(names.includes(CONFIG) ? CONFIG : adapterConfigIn(names));
  for (const file of modelFileNames(names)) {
    await repository.path(file);
  }
  return dirname(config);
}

const CONFIG = "config.json";
const ADAPTER_CONFIG = "adapter_config.json";

/** The config of an adapter; that of a model where there is none. */
function adapterConfigIn(names: readonly string[]): string {
  return names.includes(ADAPTER_CONFIG) ? ADAPTER_CONFIG : CONFIG;
}

/** Weights in the order of preference: whole, in parts, as torch has them, as `export` wrote them, or low-rank changes of another model. */
const WEIGHT_FORMS: readonly (readonly RegExp[])[] = [
  [/^model\.safetensors$/],
  [/^model\.safetensors\.index\.json$/, /^model-\d+-of-\d+\.safetensors$/],
  [/^pytorch_model\.bin$/],
  [/^pytorch_model\.bin\.index\.json$/, /^pytorch_model-\d+-of-\d+\.bin$/],
  [SAFETENSORS],
  [/^adapter_config\.json$/, /^adapter_model\.(safetensors|bin)$/],
];

/** Which files of a model are read besides its configuration: the extractor's, and the weights in one form. */
export function modelFileNames(names: readonly string[]): string[] {
  const matching = (pattern: RegExp) => names.filter((name) => pattern.test(name));
  const weights = WEIGHT_FORMS.find(([first]) => matching(first!).length > 0) ?? [];
  return [...matching(/^(pre)?processor_config\.json$/), ...weights.flatMap(matching)];
}

async function findModel(name: string, options: HubModelOptions): Promise<HubRepository> {
  const parsed = parseHubName(name) ?? { id: name };
  const revision = options.revision ?? parsed.revision;
  return await hubFiles(parsed.id, { ...options, revision });
}

function isSafetensors({ path }: HubFile): boolean {
  return SAFETENSORS.test(path);
}

/** The pull request with the same weights as safetensors; none where the lookup fails, the weights being there. */
async function findConversion(
  repository: HubRepository,
  options: HubOptions,
): Promise<HubRepository | undefined> {
  const settings = await hubSettings(options);
  for (const revision of await conversionRevisions(settings, repository)) {
    const found = await hubFiles(repository.id, { ...options, revision }).catch(() => undefined);
    if (found?.files.some(isSafetensors) && hasSameWeights(repository, found)) return found;
  }
  return undefined;
}

/** By their hashes, so that a request of an earlier state is not taken. */
function hasSameWeights(repository: HubRepository, conversion: HubRepository): boolean {
  const converted = new Map(conversion.files.map((file) => [file.path, file.gitSha1]));
  return repository.files.every(({ path, gitSha1 }) =>
    !TORCH.test(path) || converted.get(path) === gitSha1
  );
}

async function conversionRevisions(
  settings: HubSettings,
  { id, type, files }: HubRepository,
): Promise<string[]> {
  const cached = () => cachedPullRequests(cachedRepository(settings.cacheDirectory, type, id));
  if (settings.isOffline) return await cached();
  if (!files.some(({ path }) => TORCH.test(path))) return [];
  try {
    return await openConversions(settings, id);
  } catch (error) {
    settings.signal?.throwIfAborted();
    if (error instanceof HubError) return await cached();
    throw error;
  }
}

interface Discussion {
  num: number;
  title: string;
  status: string;
  isPullRequest: boolean;
  author?: { name?: string };
}

/** The client library does not list discussions. */
async function openConversions(settings: HubSettings, id: string): Promise<string[]> {
  const search = `type=pull_request&status=open&author=${CONVERSION_AUTHOR}`;
  const url = `${settings.endpoint}/api/models/${id}/discussions?${search}`;
  const response = await clientFetch(settings, { type: "model", id }, 1)(url);
  const { discussions }: { discussions?: (Discussion | null)[] } = await response.json();
  const open = Array.isArray(discussions) ? discussions.filter((each) => each !== null) : [];
  return open.filter(({ title, status, isPullRequest, author }) =>
    isPullRequest && status === "open" && title === CONVERSION_TITLE &&
    author?.name === CONVERSION_AUTHOR
  ).map(({ num }) => `refs/pr/${Number(num)}`);
}
