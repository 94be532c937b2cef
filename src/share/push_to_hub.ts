/**
 * A model to the hub, with its card, in the words of transformers.
 *
 * `src/hub/upload.ts` does the sending. Here is what is sent: the files that make a model, the figures beside them,
 * and a card made of what they say.
 *
 * @module
 */
import { join } from "node:path";
import earshot from "../../deno.json" with { type: "json" };
import { modelCard, type ModelCardFacts, type ModelCardWords } from "../card/mod.ts";
import type { FeatureExtractor } from "../features/mod.ts";
import { attempt } from "../files.ts";
import {
  hubBranch,
  type HubBranchOptions,
  type HubCommit,
  type HubOptions,
  type HubPushOptions,
  type HubUpload,
} from "../hub/mod.ts";
import type { AudioClassificationModel } from "../models/model.ts";
import { savePretrained, type SavePretrainedOptions } from "../pretrained.ts";
import { CARD_FILE, cardOf, isReplaceable, licenseOf, wordsIn } from "./_card_choice.ts";
import { ARGUMENTS_FILE, folderFacts, sharedArguments } from "./_folder_facts.ts";
import { folderFiles } from "./_folder_files.ts";
import { withoutRecordings } from "./_report_page.ts";
import { engine, system } from "../system/mod.ts";

/** Where a model goes, how, and what its card says beside what is known. */
export interface PushToHubOptions extends HubBranchOptions, HubPushOptions, ModelCardWords {
  /** Whether a card on the hub that someone has edited is replaced. @default false */
  replaceCard?: boolean;
  /** Whether `report.html` takes its recordings along, for all who may see the repository. @default false */
  recordings?: boolean;
  /** Called with what is worth knowing: what was left out, or taken from elsewhere. */
  onNote?: (note: string) => void;
}

/** What a caller knows beyond the directory. */
export type KnownFacts = Partial<ModelCardFacts>;

/**
 * Pushes a model with its extractor and a card; `model.push_to_hub()` of transformers.
 *
 * @param repo `org/name`; or `name`, for one of the token's owner. It is made where it is missing.
 * @param model what is pushed.
 * @param extractor what makes its input.
 * @param options branch, visibility, message, token, and words for the card.
 * @throws {HubError} when the hub does not take it; nothing of it is in the repository then.
 *
 * @example
 * ```ts
 * import { AutoFeatureExtractor, AutoModelForAudioClassification, pushToHub } from "@earshot/earshot";
 * import { rejects } from "node:assert/strict";
 *
 * const model = await AutoModelForAudioClassification.fromPretrained("models/voice_menu");
 * const extractor = await AutoFeatureExtractor.fromPretrained("models/voice_menu");
 * // With a token it resolves to the commit, and the page that shows it.
 * await rejects(pushToHub("me/my-model", model, extractor, { token: false }), /expected a token/);
 * model.dispose();
 * ```
 */
export async function pushToHub(
  repo: string,
  model: AudioClassificationModel,
  extractor: FeatureExtractor,
  options: PushToHubOptions & Pick<SavePretrainedOptions, "dtype"> = {},
): Promise<HubCommit> {
  const folder = await attempt("make directory", "a temporary one", () => system.makeTempDir());
  try {
    await savePretrained(folder, model, extractor, { dtype: options.dtype });
    return await pushDirectory(repo, folder, options);
  } finally {
    await system.remove(folder, { recursive: true });
  }
}

/**
 * Pushes a model directory: model, figures, report, and a card made of them.
 *
 * A `README.md` in the directory goes as it is if a person wrote it. On the hub, one that a person has edited stays,
 * and `onNote` says so.
 *
 * @param repo `org/name`; or `name`, for one of the token's owner. It is made where it is missing.
 * @param directory as `train` or `savePretrained()` wrote it.
 * @param options branch, visibility, message, token, and words for the card.
 * @param known facts that are not in the directory.
 * @throws {CheckpointError} when there is no whole model in the directory.
 * @throws {HubError} when the hub does not take it; nothing of it is in the repository then.
 *
 * @example
 * ```ts
 * import { pushDirectory } from "@earshot/earshot";
 * import { rejects } from "node:assert/strict";
 *
 * const push = pushDirectory("me/my-model", "models/voice_menu", { language: "en", token: false });
 * await rejects(push, /expected a token/);
 * ```
 */
export async function pushDirectory(
  repo: string,
  directory: string,
  options: PushToHubOptions = {},
  known: KnownFacts = {},
): Promise<HubCommit> {
  const { files, weights } = await folderFiles(directory);
  const branch = await hubBranch(repo, options);
  const found = await folderFacts(directory, weights);
  const local = await localCard(directory);
  const held = await cardOf(branch.head);
  const facts = withWords({ ...found, ...defined(known) }, {
    ...defined(wordsIn(local ?? "")),
    ...defined(wordsIn(held ?? "")),
    ...defined(options),
  });
  const isWritten = local !== undefined && !await isReplaceable(local);
  const card = isWritten ? local : await directoryCard(branch.id, facts, options);
  const going = [
    ...await shown(files, options),
    ...optional(ARGUMENTS_FILE, sharedArguments(facts)),
  ];
  const keepsCard = held !== undefined && held !== card && !options.replaceCard &&
    !await isReplaceable(held);
  if (keepsCard) {
    options.onNote?.(
      `${CARD_FILE} of "${branch.id}" was edited on the hub, and stays as it is there`,
    );
  }
  return await branch.push(
    [...going, ...keepsCard ? [] : [{ path: CARD_FILE, content: new Blob([card]) }]],
    options,
  );
}

type DirectoryFacts = Omit<ModelCardFacts, "modelName"> & { modelName?: string };

/** Facts, with what a person says in their place. */
function withWords(facts: DirectoryFacts, words: ModelCardWords): DirectoryFacts {
  const { license, language, tags, modelName, datasetTags, dataset: name, datasetArgs } = words;
  const isNamed = datasetTags !== undefined && datasetTags !== facts.dataset?.id ||
    name !== undefined;
  const dataset = isNamed ? { id: datasetTags, name, config: datasetArgs } : facts.dataset;
  const finetunedFrom = words.finetunedFrom ?? facts.finetunedFrom;
  return { ...facts, license, language, tags, modelName, finetunedFrom, dataset };
}

async function directoryCard(
  repository: string,
  facts: DirectoryFacts,
  options: PushToHubOptions,
): Promise<string> {
  const { license = await inheritedLicense(facts.finetunedFrom, options) } = facts;
  return await modelCard({
    ...facts,
    license,
    repository,
    modelName: facts.modelName ?? repository.split("/").at(-1)!,
    versions: facts.versions ?? { Earshot: earshot.version, [engine.name]: engine.version },
  });
}

/** What is made from a model has its license, unless its maker says another. */
async function inheritedLicense(
  id: string | undefined,
  options: PushToHubOptions,
): Promise<string | undefined> {
  const { onNote, token, endpoint, cacheDirectory, fetch, signal, timeoutSec } = options;
  const reach: HubOptions = { token, endpoint, cacheDirectory, fetch, signal, timeoutSec };
  const license = id === undefined ? undefined : await licenseOf(id, reach);
  onNote?.(
    license === undefined
      ? "The card names no license, because none was given"
      : `The card names the license of ${id}: ${license}`,
  );
  return license;
}

async function localCard(directory: string): Promise<string | undefined> {
  const path = join(directory, CARD_FILE);
  return await attempt("read", path, async () => {
    try {
      return await system.readTextFile(path);
    } catch (error) {
      if (error instanceof system.errors.NotFound) return undefined;
      throw error;
    }
  });
}

function optional(path: string, content: Blob | undefined): HubUpload[] {
  return content === undefined ? [] : [{ path, content }];
}

/** The files as everyone may see them. */
async function shown(
  files: readonly HubUpload[],
  { recordings, onNote }: PushToHubOptions,
): Promise<HubUpload[]> {
  return await Promise.all(files.map(async (file) => {
    if (file.path !== "report.html" || recordings) return file;
    const page = await withoutRecordings(file.content);
    if (page.recordings > 0) {
      const what = page.recordings === 1 ? "its recording" : `its ${page.recordings} recordings`;
      onNote?.(`report.html goes without ${what}`);
    }
    return { ...file, content: page.content };
  }));
}

function defined<T extends object>(values: T): Partial<T> {
  const known = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as Partial<T>;
}
