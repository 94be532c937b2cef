/**
 * What an operator decides about a service without touching its code: the one table of settings.
 *
 * Flags of `serve` and `bundle`, variables of the environment, keys of `settings.json`, the help, the table in
 * `docs/serving.md` and the defaults of `createApp()` all come from here; `read_settings.ts` says which goes first.
 * A setting `maxBodyMb` is the flag `--max-body-mb`, the variable `EARSHOT_MAX_BODY_MB` and the key `maxBodyMb`.
 *
 * @module
 */
import type { AppOptions } from "./mod.ts";
import { expectBasePath, expectOrigins, expectToken } from "./_setting_checks.ts";

/** What every setting says of itself. */
interface Described {
  /** One line: what it is for. */
  help: string;
  /** What stands for its value in the help. */
  value?: string;
  /** Only `serve` has it; in a bundle its host decides. @default both have it */
  only?: "serve";
  /** Another name for its variable than that of the rule. */
  variable?: string;
  /** The option of `createApp()` that it is. */
  option?: string;
}

/** A number. */
export interface NumberSetting extends Described {
  kind: "number";
  default?: number;
  /** Whether only whole numbers are taken. */
  whole?: true;
  min: number;
  max: number;
  /** How many of the option's unit are one of the setting's. @default 1 */
  times?: number;
}

/** On or off: a flag, and `--no-` turns it off. */
export interface FlagSetting extends Described {
  kind: "flag";
  default: boolean;
}

/** One of a few words. */
export interface ChoiceSetting extends Described {
  kind: "choice";
  choices: readonly string[];
  default?: string;
}

/** Words: with commas between them in flags and variables, an array in JSON. */
export interface ListSetting extends Described {
  kind: "list";
  default?: readonly string[];
  /** Gives the value as it is used, or throws. */
  check?: (words: readonly string[]) => readonly string[];
}

/** Text. */
export interface TextSetting extends Described {
  kind: "text";
  default?: string;
  /** Gives the value as it is used, or throws. */
  check?: (text: string) => string;
}

/**
 * What nobody may see: the text itself in its variable, or a file that holds it, named by `--name-file`, `…_FILE` or
 * `nameFile`. Never a flag, which other users of the machine can read.
 */
export interface SecretSetting extends Described {
  kind: "secret";
  /** Whether there may be several, with commas or space between them. */
  several?: true;
  /** Gives the value as it is used, or throws. */
  check?: (text: string) => string;
}

/** One row. */
export type Setting =
  | NumberSetting
  | FlagSetting
  | ChoiceSetting
  | ListSetting
  | TextSetting
  | SecretSetting;

const MB = { times: 2 ** 20 } as const;
const SECONDS = { times: 1_000 } as const;
const COUNT = { kind: "number", whole: true, min: 1, max: 1e9 } as const;

/** The table. */
export const SETTINGS = {
  port: {
    ...{ kind: "number", whole: true, min: 0, max: 65_535, default: 8_000, variable: "PORT" },
    help: "port to listen on; 0: any that is free",
  },
  hostname: {
    ...{ kind: "text" },
    help: "address to listen on; 0.0.0.0: all (127.0.0.1, in a bundle 0.0.0.0)",
  },
  basePath: {
    ...{ kind: "text", value: "/PATH", option: "basePath", check: expectBasePath },
    help: "path that a proxy in front has for the service",
  },
  cors: {
    ...{ kind: "list", value: "ORIGIN,...", option: "cors", check: expectOrigins },
    help: "origins whose pages may ask; *: all",
  },
  teachToken: {
    ...{ kind: "secret", option: "teachToken", check: expectToken },
    help: "lets clients teach heads who know the token",
  },
  apiKeys: {
    ...{ kind: "secret", several: true, option: "apiKeys", check: expectToken },
    help: "keys, one a line, of which clients have to know one",
  },
  openMetrics: {
    ...{ kind: "flag", default: false, option: "openMetrics" },
    help: "/metrics needs no key",
  },
  ui: {
    ...{ kind: "flag", default: false, option: "ui" },
    help: "a page to speak to, at /ui; on in serve",
  },
  accessLog: {
    ...{ kind: "choice", choices: ["off", "sampled", "on"], default: "off", option: "accessLog" },
    help: "a line of JSON for each request, or for some",
  },
  accessLogRate: {
    ...{ kind: "number", min: 0, max: 1, default: 0.01, option: "accessLogRate" },
    help: "part of the requests that a sampled log has",
  },
  workers: {
    ...{ kind: "number", whole: true, min: 1, max: 64 },
    help: "threads that each compute a clip at a time (one for each core)",
  },
  memoryMb: {
    ...{ kind: "number", min: 64, max: 1e6 },
    help: "MiB that the service may take: clips computed whole, workers and bodies follow",
  },
  threads: {
    ...{ kind: "number", whole: true, min: 0, max: 48, default: 1, only: "serve" },
    help: "WASM threads of a clip; 0: all cores",
  },
  maxBodyMb: {
    ...{ kind: "number", min: 0.001, max: 1_024, default: 10, option: "maxBodyBytes", ...MB },
    help: "most MiB of a clip's request",
  },
  bodyTimeoutSeconds: {
    ...{ kind: "number", min: 0.1, max: 3_600, default: 30, option: "bodyTimeoutMs", ...SECONDS },
    help: "longest for a clip's body to arrive, and for a recording to stand still",
  },
  minBytesPerSecond: {
    ...{ kind: "number", min: 0, max: 1e9, default: 1_000, option: "minBytesPerSecond" },
    help: "fewest bytes a second of a clip's body, after 5 s",
  },
  maxBodies: {
    ...{ ...COUNT, default: 256, option: "maxBodies" },
    help: "bodies of clips on their way at a time; more get 503",
  },
  maxBodiesMb: {
    ...{ kind: "number", min: 0.001, max: 65_536, default: 64, option: "maxBodiesBytes", ...MB },
    help: "most MiB of all bodies in hand; more get 503",
  },
  maxPending: {
    ...{ ...COUNT, default: 64, option: "maxPending" },
    help: "clips that wait or run at a time; more get 503",
  },
  deadlineSeconds: {
    ...{ kind: "number", min: 0.1, max: 3_600, default: 30, option: "deadlineMs", ...SECONDS },
    help: "longest from a clip's arrival to its answer, a third of it to its beginning; else 503",
  },
  rateLimit: {
    ...{ kind: "number", min: 0.1, max: 1e6, option: "rateLimit" },
    help: "requests a minute of one client; more get 429 (any number)",
  },
  clientHeader: {
    ...{ kind: "text", value: "HEADER", option: "clientHeader" },
    help: "where a proxy names the client last, such as X-Forwarded-For (none is believed)",
  },
  shutdownSeconds: {
    ...{ kind: "number", min: 0, max: 3_600, default: 4.5 },
    help: "longest to end after a signal",
  },
  maxClipSeconds: {
    ...{ kind: "number", min: 1, max: 180, default: 60 },
    help: "longest clip that is computed whole; longer ones are heard in windows",
  },
  maxDecodedMb: {
    ...{ kind: "number", min: 0.1, max: 4_096, default: 64, option: "maxDecodedBytes", ...MB },
    help: "most MiB that a clip may unfold to: seconds x rate x channels x 4",
  },
  maxSessions: {
    ...{ ...COUNT, default: 32, option: "maxSessions" },
    help: "streams and detections at a time; more get 503",
  },
  maxDetectMb: {
    ...{ kind: "number", min: 1, max: 1e6, default: 4_096, option: "maxDetectBytes", ...MB },
    help: "most MiB of a recording whose events are asked for",
  },
  maxAheadMb: {
    ...{ kind: "number", min: 1, max: 65_536, default: 64, option: "maxAheadBytes", ...MB },
    help: "MiB of such a recording that may be in memory",
  },
  detectTimeoutSeconds: {
    ...{ kind: "number", min: 1, max: 1e6, default: 3_600, option: "detectTimeoutMs", ...SECONDS },
    help: "longest for all of such a recording",
  },
  statusWaitSeconds: {
    ...{ kind: "number", min: 0, max: 600, default: 10, option: "statusWaitMs", ...SECONDS },
    help: "how long the status of such an answer waits for the first event",
  },
  streamBufferMb: {
    ...{ kind: "number", min: 0.01, max: 1_024, default: 2, option: "streamBufferBytes", ...MB },
    help: "MiB of a live stream that may wait to be heard, or its answers to be read",
  },
  streamIdleSeconds: {
    ...{ kind: "number", min: 1, max: 86_400, default: 60, option: "streamIdleMs", ...SECONDS },
    help: "how long a live stream may be silent",
  },
  maxExamples: {
    ...{ ...COUNT, default: 1_000, option: "maxExamples" },
    help: "most examples of a head that is taught",
  },
  maxExamplesMb: {
    ...{ kind: "number", min: 0.01, max: 65_536, default: 32, option: "maxExamplesBytes", ...MB },
    help: "most MiB of the examples of all heads",
  },
  maxTaughtHeads: {
    ...{ ...COUNT, default: 100, option: "maxTaughtHeads" },
    help: "most heads that are taught",
  },
} as const satisfies Readonly<Record<string, Setting>>;

/** The name of a setting. */
export type SettingName = keyof typeof SETTINGS;

type ValueOf<Row> = Row extends { kind: "number" } ? number
  : Row extends { kind: "flag" } ? boolean
  : Row extends { kind: "list" } | { several: true } ? readonly string[]
  : Row extends { choices: readonly (infer Choice)[] } ? Choice
  : string;

/** Settings that were made, by name. */
export type ServiceSettings = {
  readonly [Name in SettingName]?: ValueOf<(typeof SETTINGS)[Name]>;
};

/** Rows by name, without the types of their values. */
export const SETTING_ROWS: readonly (readonly [name: SettingName, row: Setting])[] = Object.entries(
  SETTINGS,
) as [SettingName, Setting][];

/** The file of a bundle. */
export const SETTINGS_FILE = "settings.json";

/** Variables that the service may read. */
export const SETTINGS_VARIABLES: readonly string[] = ["EARSHOT_*", "PORT"];

/** A setting's flag: the secret ones name a file. */
export function flagOf(name: string, { kind }: Setting): string {
  const dashed = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return kind === "secret" ? `${dashed}-file` : dashed;
}

/** A setting's variable. */
export function variableOf(name: string, { variable }: Setting): string {
  const words = name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`);
  return variable ?? `EARSHOT_${words.toUpperCase()}`;
}

/** A setting's key in JSON: the secret ones name a file. */
export function keyOf(name: string, { kind }: Setting): string {
  return kind === "secret" ? `${name}File` : name;
}

/** Settings as options of `createApp()`, in its units. */
export function appOptions(settings: ServiceSettings): AppOptions {
  const options: Record<string, unknown> = {};
  for (const [name, row] of SETTING_ROWS) {
    const value = settings[name];
    if (row.option === undefined || value === undefined) continue;
    options[row.option] = row.kind === "number" ? (value as number) * (row.times ?? 1) : value;
  }
  return options;
}

/** What holds where nothing is set, those alone that have a default. */
export const DEFAULT_SETTINGS: ServiceSettings = Object.fromEntries(
  SETTING_ROWS.flatMap(([name, row]) => "default" in row ? [[name, row.default]] : []),
);

/** A variable of the environment, without asking a user for the right to read it. */
export function readVariable(variable: string): string | undefined {
  const { Deno: host } = globalThis as { Deno?: typeof Deno };
  const state = host?.permissions?.querySync?.({ name: "env", variable }).state;
  return state === "granted" ? host!.env.get(variable) : undefined;
}
