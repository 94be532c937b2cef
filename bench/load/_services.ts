/**
 * The service as its users start it, on a core of its own where the machine has two: `serve`, and a bundle of each
 * target on its own runtime.
 *
 * @module
 */
import type { BundleTargetName } from "../../src/commands/_bundle_targets.ts";
import { bundle } from "../../src/commands/bundle.ts";
import {
  BUNDLE_COMMANDS,
  containerCommand,
  type RunningService,
  serveCommand,
  type ServiceCommand,
  whileRunning,
} from "../../test/edge/_processes.ts";
import { variablesOf } from "../../test/commands/_command_line.ts";
import { runtime, type RuntimeName } from "../../test/edge/_runtimes.ts";
import { workerdCommand } from "../../test/edge/_workerd.ts";

/** How a bundle of a target is started, and what asks it to end. */
interface BundleHost {
  target: BundleTargetName;
  /** That of `.ci/runtimes`. @default the Deno that runs this */
  runtime?: RuntimeName;
  command: (cwd: string, program: string) => ServiceCommand | Promise<ServiceCommand>;
  /** @default SIGTERM; null where the end is the host's affair */
  signal?: Deno.Signal | null;
}

const ENV = { PORT: "0", EARSHOT_HOSTNAME: "127.0.0.1" };
const program = (cwd: string, program: string) => ({ cwd, program, args: ["main.js"], env: ENV });

const HOSTS = {
  "deno serve": { target: "deno", command: (cwd) => ({ cwd, args: BUNDLE_COMMANDS[0]! }) },
  deno: { target: "deno", command: (cwd) => ({ cwd, args: BUNDLE_COMMANDS[1]! }) },
  deploy: {
    ...{ target: "deploy", runtime: "deno", signal: "SIGINT" },
    command: (cwd, program) => ({ cwd, program, args: ["run", "-A", "main.js"], env: ENV }),
  },
  node: { target: "node", runtime: "node", command: program },
  bun: { target: "bun", runtime: "bun", command: program },
  container: { target: "container", command: containerCommand },
  workerd: {
    ...{ target: "cloudflare", runtime: "workerd", signal: null },
    command: (cwd, program) => workerdCommand(program, cwd),
  },
} as const satisfies Readonly<Record<string, BundleHost>>;

/** A host of bundles. */
export type HostName = keyof typeof HOSTS;

/** The hosts of bundles. */
export const HOST_NAMES = Object.keys(HOSTS) as HostName[];

/** `serve`, or a host. */
export type ServiceName = "serve" | HostName;

/** What can be loaded. */
export const SERVICES: readonly ServiceName[] = ["serve", ...HOST_NAMES];

/** Whether what runs it is here. */
export function isHere(name: ServiceName): boolean {
  const found = name === "serve" ? undefined : hostOf(name).runtime;
  return found === undefined || !runtime(found).isMissing;
}

/** The signal that asks it to end; undefined where there is none. */
export function endSignal(name: ServiceName): Deno.Signal | undefined {
  const { signal = "SIGTERM" } = name === "serve" ? {} : hostOf(name);
  return signal ?? undefined;
}

function hostOf(name: HostName): BundleHost {
  return HOSTS[name];
}

/** Starts a service of a model for as long as `use` takes. */
export async function whileServing(
  name: ServiceName,
  { model, folder, core }: { model: string; folder: string; core?: number },
  use: (service: RunningService) => Promise<void>,
): Promise<void> {
  const command = await commandOf(name, model, folder);
  await whileRunning(core === undefined ? command : pinned(command, core), (_, service) => {
    return use(service);
  });
}

async function commandOf(
  name: ServiceName,
  model: string,
  folder: string,
): Promise<ServiceCommand> {
  if (name === "serve") return serveCommand(model, ["--port", "0"]);
  const { target, command, ...host } = hostOf(name);
  const cwd = `${folder}/${name.replace(" ", "-")}`;
  await bundle({ model, output: cwd, target });
  return await command(cwd, host.runtime ? runtime(host.runtime).path : Deno.execPath());
}

function pinned(command: ServiceCommand, core: number): ServiceCommand {
  const { program = Deno.execPath(), args } = command;
  return { ...command, program: "taskset", args: ["-c", String(core), program, ...args] };
}

/** The command of a bundle's `deno task start`, without the task around it. */
export async function startCommand(cwd: string): Promise<ServiceCommand> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${cwd}/deno.json`));
  const [, after] = tasks.start.split(/\bdeno (?=run )/);
  const words: string[] = after.match(/"[^"]*"|\S+/g);
  const args = words.map((word) => word.replaceAll('"', ""));
  const env = { ...variablesOf(tasks.start), PORT: "0", EARSHOT_HOSTNAME: "127.0.0.1" };
  return { args, cwd, env };
}
