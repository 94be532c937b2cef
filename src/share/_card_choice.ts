/**
 * Which card a push leaves on the hub: a person's words are never lost to a program's.
 *
 * @module
 */
import { parse, YAMLParseError } from "yaml";
import { isUntouchedCard, type ModelCardWords } from "../card/mod.ts";
import { HubError } from "../errors.ts";
import { hubFiles, type HubOptions, type HubRepository } from "../hub/mod.ts";
import { system } from "../system/mod.ts";

/** Name of the card, on the hub and in a directory. */
export const CARD_FILE = "README.md";

/** The card of a commit; undefined where there is none. */
export async function cardOf(repository: HubRepository): Promise<string | undefined> {
  if (!repository.files.some(({ path }) => path === CARD_FILE)) return undefined;
  return await system.readTextFile(await repository.path(CARD_FILE));
}

/** Whether a card may be replaced: written here and left alone since, or nothing but metadata. */
export async function isReplaceable(card: string): Promise<boolean> {
  return await isUntouchedCard(card) || card.replace(FRONT_MATTER, "").trim() === "";
}

const FRONT_MATTER = /^---\r?\n([\s\S]*?)\r?\n---[ \t]*(\r?\n|$)/;

/**
 * What the metadata of a card says that no file of a model does, so that a second push need not repeat it.
 *
 * What cannot be read says nothing.
 */
export function wordsIn(card: string): ModelCardWords {
  const { license, language, tags, base_model, datasets } = metadataOf(card);
  return {
    license: license === "other" ? undefined : oneOf(license),
    language: severalOf(language),
    tags: severalOf(tags),
    finetunedFrom: oneOf(base_model),
    datasetTags: oneOf(datasets),
  };
}

function metadataOf(card: string): Record<string, unknown> {
  try {
    const options = { version: "1.1", logLevel: "error" } as const;
    return parse(card.match(FRONT_MATTER)?.[1] ?? "", options) ?? {};
  } catch (error) {
    if (error instanceof YAMLParseError) return {};
    throw error;
  }
}

function severalOf(value: unknown): string[] | undefined {
  const list = Array.isArray(value) ? value : [value];
  const words = list.filter((word) => typeof word === "string");
  return words.length > 0 ? words : undefined;
}

function oneOf(value: unknown): string | undefined {
  return severalOf(value)?.[0];
}

/** The license of a model on the hub; undefined where that cannot be learned, which stops nothing. */
export async function licenseOf(id: string, options: HubOptions): Promise<string | undefined> {
  try {
    return wordsIn(await cardOf(await hubFiles(id, options)) ?? "").license;
  } catch (error) {
    if (error instanceof HubError) return undefined;
    throw error;
  }
}
