/**
 * What an operator decides about a service without touching its code: in the environment, or in a file beside a bundle.
 *
 * @module
 */
import type { FileReader } from "../src/weights/byte_source.ts";
import { readJsonFileIfThere } from "../src/weights/json_file.ts";

/** Settings by the names that they have in `settings.json`. */
export interface ServiceSettings {
  /** Origins whose pages may read answers, or `*`. @default none */
  cors?: readonly string[];
}

/** The file of a bundle. */
export const SETTINGS_FILE = "settings.json";

/** Variables of the environment, which go before the file. */
export const SETTINGS_VARIABLES = ["EARSHOT_CORS"] as const;

/**
 * Settings of the environment, those of them that are there and may be read.
 *
 * @param variable gives the value of one. @default the process's, where the host has one
 */
export function settingsOfEnvironment(
  variable: (name: string) => string | undefined = readVariable,
): ServiceSettings {
  const cors = variable("EARSHOT_CORS");
  return cors === undefined ? {} : { cors: listOf(cors) };
}

/**
 * Settings of the file `settings.json` and of the environment, which goes before.
 *
 * @param files the folder that the file may be in.
 * @param variable gives the value of a variable. @default the process's, where the host has one
 * @throws {CheckpointError} where the file is no JSON object.
 * @throws {TypeError} where a setting is of another kind.
 */
export async function settingsBeside(
  files: FileReader,
  variable: (name: string) => string | undefined = readVariable,
): Promise<ServiceSettings> {
  return { ...await settingsOfFile(files), ...settingsOfEnvironment(variable) };
}

/**
 * Origins as browsers write them.
 *
 * @param origins `https://example.org`, or `*` for all.
 * @throws {RangeError} for one that no browser would send.
 */
export function checkedOrigins(origins: readonly string[]): readonly string[] {
  return origins.map((text) => {
    const origin = URL.canParse(text) ? new URL(text).origin : undefined;
    // `HTTPS://Example.org:443/` is meant as its browser writes it; one with a path is a mistake.
    const isMeant = origin !== "null" && /^[^:]+:\/\/[^/?#@]+\/?$/.test(text);
    if (text === "*" || (origin !== undefined && isMeant)) return origin ?? text;
    throw new RangeError(
      `Cannot allow origin "${text}": expected scheme://host, scheme://host:port or *`,
    );
  });
}

async function settingsOfFile(files: FileReader): Promise<ServiceSettings> {
  const { cors } = await readJsonFileIfThere(files, SETTINGS_FILE) ?? {};
  return cors === undefined ? {} : { cors: textsOf("cors", cors) };
}

function textsOf(name: string, value: unknown): string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new TypeError(`Cannot use "${name}" of "${SETTINGS_FILE}": expected a list of texts`);
}

/** Words with commas between them. */
function listOf(text: string): string[] {
  return text.split(",").map((word) => word.trim()).filter((word) => word !== "");
}

/** A variable of the environment, without asking a user for the right to read it. */
export function readVariable(variable: string): string | undefined {
  const { Deno: host } = globalThis as { Deno?: typeof Deno };
  const state = host?.permissions?.querySync?.({ name: "env", variable }).state;
  return state === "granted" ? host!.env.get(variable) : undefined;
}
