/**
 * The service in a process of its own, as its users start it: `serve`, or a bundle.
 *
 * @module
 */
import { join } from "node:path";
import denoJson from "../../deno.json" with { type: "json" };
import { taskRights, variablesOf } from "../commands/_command_line.ts";

const ROOT = join(import.meta.dirname!, "..", "..");

/** How a service is started. */
export interface ServiceCommand {
  /** The binary. @default the Deno that runs the tests */
  program?: string;
  args: readonly string[];
  cwd: string;
  env?: Readonly<Record<string, string>>;
  /** Gets each line that it prints, on either stream. */
  onLine?: (line: string) => void;
  /** Where it listens, if it does not say. @default it names its address */
  url?: string;
}

/** A service that answers. */
export interface RunningService {
  /** Where, with a slash at the end. */
  url: string;
  pid: number;
  /** Asks it to end; the process's status says how it did. */
  end(signal: Deno.Signal): Promise<Deno.CommandStatus>;
}

/** `serve` on a model, with the rights and variables of its task. */
export function serveCommand(model: string, args: readonly string[] = []): ServiceCommand {
  const config = ["--config", join(ROOT, "deno.json")];
  const run = ["run", "--no-prompt", "--no-check", ...taskRights("serve"), ...config];
  return {
    cwd: ROOT,
    args: [...run, join(ROOT, "cli.ts"), "serve", "--model", model, ...args],
    env: variablesOf(denoJson.tasks.serve.command),
  };
}

/** The two commands that a bundle is started with, here on a port that is free. */
export const BUNDLE_COMMANDS: readonly (readonly string[])[] = [
  ["serve", "--host=127.0.0.1", "--port=0", "--allow-read=.", "server.js"],
  ["run", "--allow-read=.", "--allow-net", "main.js"],
];

/** The command that a bundle's Dockerfile ends with, on this Deno, and on a port that is free. */
export async function containerCommand(cwd: string): Promise<ServiceCommand> {
  const [program, ...args] = dockerfileWords(await Deno.readTextFile(`${cwd}/Dockerfile`), "CMD");
  if (program !== "deno") throw new RangeError(`Cannot start a bundle by "${program}"`);
  return { args, cwd, env: { PORT: "0", EARSHOT_HOSTNAME: "127.0.0.1" } };
}

/** The words of the command behind an instruction of a Dockerfile. */
export function dockerfileWords(text: string, instruction: string): string[] {
  return JSON.parse(text.match(new RegExp(`^${instruction} (.*)$`, "m"))![1]!);
}

/** Runs a service while `use` asks it. */
export async function whileRunning(
  command: ServiceCommand,
  use: (url: string, service: RunningService) => Promise<void>,
): Promise<void> {
  const env = { DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0", NO_COLOR: "1", ...command.env };
  const { program = Deno.execPath(), args, cwd, onLine = () => {} } = command;
  const child = new Deno.Command(program, {
    ...{ args: [...args], cwd, env },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let hasEnded = false;
  const status = child.status.finally(() => hasEnded = true);
  const outputs = [child.stdout, child.stderr].map((stream) => new ServiceOutput(stream, onLine));
  try {
    const named = Promise.any(outputs.map(({ address }) => address));
    const url = command.url === undefined ? await named : await answering(command.url, named);
    const end = (signal: Deno.Signal) => {
      child.kill(signal);
      return status;
    };
    await use(url, { url, pid: child.pid, end });
  } finally {
    if (!hasEnded) child.kill("SIGKILL");
    await Promise.all([status, ...outputs.map(({ isOver }) => isOver)]);
  }
}

/** Asks until there is an answer; `ended` rejects where there will be none. */
async function answering(url: string, ended: Promise<string>): Promise<string> {
  for (;;) {
    const isAnswering = fetch(`${url}livez`).then(async (answer) => {
      await answer.body?.cancel();
      return true;
    }, () => false);
    if (await Promise.race([isAnswering, ended.then(() => isAnswering)])) return url;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What a service prints, read to its end so that one that goes on writing is not held up. */
class ServiceOutput {
  /** The first address in it. */
  readonly address: Promise<string>;
  readonly isOver: Promise<void>;
  readonly #address = Promise.withResolvers<string>();

  constructor(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void) {
    this.address = this.#address.promise;
    this.isOver = this.#read(stream, onLine);
  }

  async #read(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
    let text = "";
    let line = "";
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
      text = (text + piece).slice(-10_000);
      const [address] = text.match(/http:\/\/[\d.]+:\d+\//) ?? [];
      if (address !== undefined) this.#address.resolve(address);
      const lines = (line + piece).split("\n");
      line = lines.pop()!;
      lines.forEach(onLine);
    }
    if (line !== "") onLine(line);
    this.#address.reject(new RangeError(`Cannot find an address in ${JSON.stringify(text)}`));
  }
}
