/**
 * The service as its users start it, on a core of its own where the machine has two: `serve`, and a bundle of each
 * target that can run here.
 *
 * @module
 */
import { bundle } from "../../src/commands/bundle.ts";
import {
  BUNDLE_COMMANDS,
  type RunningService,
  serveCommand,
  type ServiceCommand,
  whileRunning,
} from "../../test/edge/_processes.ts";

/** Names of what can be loaded. */
export const SERVICES = ["serve", "deno", "deno-program", "node", "bun"] as const;

/** One of them. */
export type ServiceName = typeof SERVICES[number];

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
  const target = name === "node" || name === "bun" ? name : "deno";
  const cwd = `${folder}/${name}`;
  await bundle({ model, output: cwd, target });
  if (target === "deno") return { cwd, args: BUNDLE_COMMANDS[name === "deno" ? 0 : 1]! };
  return { cwd, program: target, args: ["main.js"], env: { PORT: "0" } };
}

function pinned(command: ServiceCommand, core: number): ServiceCommand {
  const { program = Deno.execPath(), args } = command;
  return { ...command, program: "taskset", args: ["-c", String(core), program, ...args] };
}
