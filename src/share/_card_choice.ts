/**
 * Which card a push leaves on the hub: a person's words are never lost to a program's.
 *
 * @module
 */
import { parse } from "yaml";
import { isUntouchedCard } from "../card/mod.ts";
import { hubFiles, type HubOptions, type HubRepository } from "../hub/mod.ts";

/** Name of the card, on the hub and in a directory. */
export const CARD_FILE = "README.md";

/** The card of a commit; undefined where there is none. */
export async function cardOf(repository: HubRepository): Promise<string | undefined> {
  if (!repository.files.some(({ path }) => path === CARD_FILE)) return undefined;
  return await Deno.readTextFile(await repository.path(CARD_FILE));
}

/** Whether a card may be replaced: written here and left alone since, or nothing but metadata. */
export async function isReplaceable(card: string): Promise<boolean> {
  return await isUntouchedCard(card) || card.replace(FRONT_MATTER, "").trim() === "";
}

const FRONT_MATTER = /^---\r?\n([\s\S]*?)\r?\n---[ \t]*(\r?\n|$)/;

/** The license in the metadata of a card, where it is one of the hub's. */
export function licenseIn(card: string): string | undefined {
  try {
    const { license } = parse(card.match(FRONT_MATTER)?.[1] ?? "", { version: "1.1" }) ?? {};
    return typeof license === "string" && license !== "other" ? license : undefined;
  } catch {
    return undefined;
  }
}

/** The license of a model on the hub; undefined where that cannot be learned, which stops nothing. */
export async function licenseOf(id: string, options: HubOptions): Promise<string | undefined> {
  try {
    return licenseIn(await cardOf(await hubFiles(id, options)) ?? "");
  } catch {
    return undefined;
  }
}
