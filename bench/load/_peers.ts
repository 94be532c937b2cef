/**
 * The same clips asked of `serve`, of a bundle, and of what else one would put behind HTTP: transformers behind FastAPI, and
 * onnxruntime-web behind Hono on Node. Each has all threads of the machine; the sender shares them.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { bundle } from "../../src/commands/bundle.ts";
import { serveCommand, type ServiceCommand, whileRunning } from "../../test/edge/_processes.ts";
import { directoryFor, presetDirectory } from "../_models.ts";
import { ROOT, runCli } from "../_process.ts";
import { clip } from "./_clips.ts";
import { type Finding, milliseconds } from "./_finding.ts";
import { highestMb } from "./_observer.ts";
import { startCommand } from "./_services.ts";
import { posting, sendInTurn } from "./_traffic.ts";

/** Where the peers come from. */
export interface PeerOptions {
  /** A Python with torch, transformers, fastapi, uvicorn and soundfile. */
  python: string;
  /** A Node of version 20 or later. */
  node: string;
  /** Seconds for each number of clients. */
  seconds: number;
}

const PACKAGES = ["onnxruntime-web@1.30.0", "hono@4.13.19", "@hono/node-server@2.1.9"];
const CLIENTS = [1, 8];

/** A model, and where it is for each of the engines. */
interface Compared {
  name: string;
  rateHz: number;
  /** What `serve` and the bundle have, and what their figures have to be of the others': at least so many times the requests. */
  ours: { bits: 8 | 32; directory: string; timesPython?: number; timesOnnx: number }[];
  original: string;
}

interface Measured {
  perSecond: number[];
  p99: number[];
  mb: number;
  /** Milliseconds a clip that the engine alone took, where it says so. */
  computingMs?: number;
}

/** Aims of memory: a part of PyTorch's, and of onnxruntime-web's. */
const MEMORY = { python: 1 / 3, onnx: 1 / 2 };

/** Measures all, one after the other. */
export async function* peers(options: PeerOptions, folder: string): AsyncGenerator<Finding> {
  const [hasPython, hasNode] = [await hasFastApi(options.python), await installed(options, folder)];
  if (hasPython !== true) yield { phase: "peers", what: "FastAPI is left out", found: hasPython };
  if (hasNode !== true) {
    yield { phase: "peers", what: "onnxruntime-web is left out", found: hasNode };
  }
  for (const compared of await models(folder)) {
    const { name, original, rateHz } = compared;
    const measure = (command: ServiceCommand) => measured(command, rateHz, options.seconds);
    const python = hasPython === true
      ? await measure(fastApi(options.python, original))
      : undefined;
    if (python) yield row(name, "transformers behind FastAPI, 32 bits", python);
    for (const { bits, directory, timesPython, timesOnnx } of compared.ours) {
      const onnx = hasNode === true
        ? await measure(await onnxService(options.node, { original, bits, folder, name }))
        : undefined;
      if (onnx) yield row(name, `onnxruntime-web behind Hono, ${bits} bits`, onnx);
      const served = await measure(serveCommand(directory, ["--port", "0"]));
      const bundled = await measure(await bundleOf(directory, `${folder}/${name}-bundle-${bits}`));
      for (const [what, ours] of [["serve", served], ["its bundle", bundled]] as const) {
        yield row(name, `${what}, ${bits} bits`, ours);
        const phase = `${name}, ${what}, ${bits} bits, beside`;
        if (python) yield beside(`${phase} FastAPI`, ours, python, timesPython, MEMORY.python);
        if (onnx) yield beside(`${phase} onnxruntime-web`, ours, onnx, timesOnnx, MEMORY.onnx);
      }
    }
  }
}

async function bundleOf(model: string, output: string): Promise<ServiceCommand> {
  await bundle({ model, output });
  return await startCommand(output);
}

async function models(folder: string): Promise<Compared[]> {
  const voiceMenu = `${ROOT}/models/voice_menu`;
  const small = await presetDirectory("small", `${folder}/small`);
  const q8 = (original: string, scratch: string) =>
    directoryFor("q8", { root: ROOT, original, scratch });
  await Deno.mkdir(`${folder}/menu-q8`, { recursive: true });
  await Deno.mkdir(`${folder}/small-q8`, { recursive: true });
  return [{
    name: "voice_menu",
    ...{ rateHz: 8_000, original: voiceMenu },
    ours: [
      { bits: 32, directory: voiceMenu, timesPython: 2, timesOnnx: 1.3 },
      {
        bits: 8,
        directory: await q8(voiceMenu, `${folder}/menu-q8`),
        timesPython: 2,
        timesOnnx: 2,
      },
    ],
  }, {
    name: "small",
    ...{ rateHz: 16_000, original: small },
    ours: [
      // PyTorch has vectors two or four times as long: only reported.
      { bits: 32, directory: small, timesOnnx: 1.3 },
      { bits: 8, directory: await q8(small, `${folder}/small-q8`), timesPython: 1.2, timesOnnx: 2 },
    ],
  }];
}

async function measured(
  command: ServiceCommand,
  rateHz: number,
  seconds: number,
): Promise<Measured> {
  const found: Measured = { perSecond: [], p99: [], mb: 0 };
  await whileRunning(command, async (url, { pid }) => {
    const ask = posting(url, clip({ rateHz }));
    for (const clients of CLIENTS) {
      const { tally, perSecond } = await sendInTurn(ask, { clients, seconds });
      found.perSecond.push(tally.of(200) === tally.count ? perSecond : NaN);
      found.p99.push(tally.quantile(0.99));
    }
    found.mb = await highestMb(pid);
    const computing = await fetch(`${url}computing`);
    if (computing.ok) {
      const { seconds, clips } = await computing.json();
      found.computingMs = 1_000 * seconds / clips;
    } else await computing.body?.cancel();
  });
  return found;
}

function row(phase: string, what: string, { perSecond, p99, mb, computingMs }: Measured): Finding {
  const parts = CLIENTS.map((clients, i) => {
    return `${clients} ${clients === 1 ? "client" : "clients"}: ${
      perSecond[i]!.toFixed(1)
    }/s, p99 ${milliseconds(p99[i]!)}`;
  });
  const own = computingMs === undefined
    ? []
    : [`the model alone ${milliseconds(computingMs)} a clip`];
  return { phase, what, found: [...parts, `${mb.toFixed(0)} MB`, ...own].join("; ") };
}

/** How many times the requests, the p99 and the memory of a peer; requests of both numbers of clients count. */
function beside(
  phase: string,
  ours: Measured,
  peer: Measured,
  times: number | undefined,
  memory: number,
): Finding {
  const requests = ours.perSecond.map((one, i) => one / peer.perSecond[i]!);
  const p99 = ours.p99.map((one, i) => one / peer.p99[i]!);
  const share = ours.mb / peer.mb;
  const isFast = times === undefined || requests.every((one) => one >= times);
  const isSoon = times !== 2 || !phase.includes("FastAPI") || p99.every((one) => one <= 0.5);
  const aims = times === undefined ? "requests reported" : `requests at least ${times} times`;
  return {
    phase,
    what: `${aims}, memory at most ${memory.toFixed(2)}`,
    found: `requests ${shown(requests)} times, p99 ${shown(p99)} times, memory ${share.toFixed(2)}`,
    isRight: isFast && isSoon && share <= memory,
  };
}

function shown(ratios: readonly number[]): string {
  return ratios.map((ratio) => ratio.toFixed(2)).join(" and ");
}

async function hasFastApi(python: string): Promise<true | string> {
  const args = ["-c", "import fastapi, uvicorn, torch, transformers, soundfile"];
  const { success, reason } = await outputOf(python, args);
  return success ||
    `--python has to name one with fastapi, uvicorn, torch, transformers and soundfile (${reason})`;
}

/** Installs the packages of the Node service, and writes it, into a folder of its own. */
async function installed({ node }: PeerOptions, folder: string): Promise<true | string> {
  const cwd = `${folder}/node`;
  await Deno.mkdir(cwd, { recursive: true });
  await Deno.writeTextFile(`${cwd}/package.json`, '{ "private": true, "type": "module" }');
  const version = await outputOf(node, ["--version"]);
  if (!version.success) return `--node has to name one (${version.reason})`;
  const args = [
    "install",
    "--prefix",
    cwd,
    "--silent",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
  ];
  const { success, reason } = await outputOf("npm", [...args, ...PACKAGES]);
  if (!success) return `npm cannot install ${PACKAGES.join(", ")} (${reason})`;
  const { transform, stop } = await import("esbuild");
  const source = await Deno.readTextFile(new URL("../peers/onnx_service.ts", import.meta.url));
  const { code } = await transform(source, { loader: "ts", format: "esm" });
  await stop();
  await Deno.writeTextFile(`${cwd}/onnx_service.js`, code);
  return true;
}

async function outputOf(
  program: string,
  args: string[],
): Promise<{ success: boolean; reason: string }> {
  try {
    const { success, stderr } = await new Deno.Command(program, { args, stdout: "null" }).output();
    return { success, reason: new TextDecoder().decode(stderr).trim().split("\n").at(-1)! };
  } catch (error) {
    return { success: false, reason: (error as Error).message };
  }
}

function fastApi(python: string, directory: string): ServiceCommand {
  const script = new URL("../peers/fastapi_service.py", import.meta.url).pathname;
  const port = freePort();
  const args = [script, directory, String(port)];
  return { program: python, args, cwd: ROOT, url: `http://127.0.0.1:${port}/` };
}

async function onnxService(
  node: string,
  { original, bits, folder, name }: {
    original: string;
    bits: 8 | 32;
    folder: string;
    name: string;
  },
): Promise<ServiceCommand> {
  const output = `${folder}/${name}-onnx-${bits}`;
  const dtype = bits === 8 ? "q8" : "f32";
  const format = ["--format", "onnx", "--dtype", dtype];
  await runCli(ROOT, "export", "--model", original, "--output", output, ...format);
  const port = freePort();
  const args = ["onnx_service.js", output, String(port), String(availableParallelism())];
  return { program: node, args, cwd: `${folder}/node`, url: `http://127.0.0.1:${port}/` };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
