/**
 * The command line in a process of its own, with the permissions of its task, and recordings to give it.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import { dirname, join } from "node:path";
import { encodeWav } from "../../src/audio/mod.ts";
import denoJson from "../../deno.json" with { type: "json" };
import { COMMANDS, type Output } from "../../src/commands/registry.ts";

const ROOT = join(import.meta.dirname!, "..", "..");

/** How a process is started. */
export interface CommandLineOptions {
  /** The directory to run in. @default the repository */
  cwd?: string;
  env?: Record<string, string>;
  /** What Deno is given in the place of the task's permissions. */
  rights?: readonly string[];
  /** Bytes for its standard input. */
  stdin?: Uint8Array;
  /** Called with what it wrote to standard output so far. */
  onOutput?: (text: string, child: Deno.ChildProcess) => void;
}

/** A process that has ended. */
export interface CommandLineResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs `cli.ts` as its task does. */
export async function cli(
  args: string[],
  options: CommandLineOptions = {},
): Promise<CommandLineResult> {
  const { cwd = ROOT, env, stdin, rights, onOutput = () => {} } = options;
  const config = ["--config", join(ROOT, "deno.json")];
  const how = rights ?? taskRights(args[0] ?? "");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", ...how, ...config, join(ROOT, "cli.ts"), ...args],
    cwd,
    env: { NO_COLOR: "1", INIT_CWD: cwd, ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  if (stdin) await writer.write(stdin);
  await writer.close();
  const [stdout, stderr, { code }] = await Promise.all([
    textOf(child.stdout, (text) => onOutput(text, child)),
    textOf(child.stderr, () => {}),
    child.status,
  ]);
  return { code, stdout, stderr: withoutNoise(stderr) };
}

/** Runs it, and fails the test with what it said unless it ends with 0. */
export async function cliOk(
  args: string[],
  options: CommandLineOptions = {},
): Promise<CommandLineResult> {
  const result = await cli(args, options);
  equal(result.code, 0, `cli.ts ${args.join(" ")}\n${result.stdout}${result.stderr}`);
  return result;
}

/** An output that prints nothing, and hands lines on. */
export function silentOutput(keep: (line: string) => void = () => {}): Output {
  const line = (text = "") => keep(text);
  const progress = () => () => {};
  return { json: false, line, warn: keep, event: () => {}, strong: String, progress };
}

/** The objects of a command that was given `--json`. */
export function jsonLines<T>({ stdout }: CommandLineResult): T[] {
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as T);
}

/** What the task of a command gives Deno between `run` and `cli.ts`; a name that is no command's gets what reads. */
export function taskRights(name: string): string[] {
  const tasks: Readonly<Record<string, { command: string }>> = denoJson.tasks;
  const { command } = Object.hasOwn(COMMANDS, name) ? tasks[name]! : tasks.doctor!;
  return command.match(/\bdeno run (.*) cli\.ts /)![1]!.split(" ");
}

/** Variables that a command of `deno task` sets for its program. */
export function variablesOf(command: string): Record<string, string> {
  const [before] = command.split(/\bdeno run /);
  return Object.fromEntries(
    before!.trim().split(/ +/).filter(Boolean).map((part) => part.split("=")),
  );
}

async function textOf(
  stream: ReadableStream<Uint8Array>,
  onText: (text: string) => void,
): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    onText(text);
  }
  return text;
}

/** Without what Deno and the Vulkan loader say of themselves. */
function withoutNoise(stderr: string): string {
  return stderr.replace(/^.*(experimental feature|XDG_RUNTIME_DIR).*\n/gm, "");
}

/** Runs `use` with a directory that is removed afterwards. */
export async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The labels of {@linkcode writeTones}, sorted. */
export const TONE_LABELS = ["high", "low", "mid"] as const;

const PITCH_HZ = { high: 1800, low: 300, mid: 800 } as const;

/** A recording of one pitch, a third of a second at 8 kHz. */
export function toneFile(label: keyof typeof PITCH_HZ, take = 0): Uint8Array {
  const pitchHz = PITCH_HZ[label] * (1 + 0.03 * Math.sin(take));
  const samples = Float32Array.from({ length: 2_400 + 400 * (take % 3) }, (_, i) => {
    return 0.4 * Math.sin(2 * Math.PI * pitchHz * i / 8_000) + 0.02 * Math.sin(i * i * (take + 1));
  });
  return encodeWav(samples, 8_000);
}

/** Writes takes of each pitch: `count` of them to `folder/<split>/<label>`, for each split. */
export async function writeTones(
  folder: string,
  splits: Record<string, number> = { train: 6, validation: 2, test: 2 },
): Promise<void> {
  let take = 0;
  for (const [split, count] of Object.entries(splits)) {
    for (const label of TONE_LABELS) {
      for (let i = 0; i < count; i++) {
        await writeFile(join(folder, split, label, `${i}.wav`), toneFile(label, take++));
      }
    }
  }
}

/** Writes a file, making the folders above it. */
export async function writeFile(path: string, bytes: Uint8Array): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(path, bytes);
}
