/**
 * `serve`: a model behind HTTP on this machine, with the application of `edge/`.
 *
 * @module
 */
import { createApp, upgradeOnDeno } from "../../edge/mod.ts";
import { type ServiceSettings, settingsOfEnvironment } from "../../edge/settings.ts";
import { type ThreadedClassifier, threadedClassifier } from "../../edge/threaded_classifier.ts";
import { webWorker } from "../../edge/web_worker.ts";
import { siblingModule } from "../sibling_module.ts";
import { type Command, defineCommand, expectNoFiles } from "./_command.ts";
import { UsageError } from "./_arguments.ts";
import { expectNoHeads, HEADS_OPTION, headSaver, namedHeads, teachToken } from "./_heads.ts";
import type { ServedModel } from "./_serve_thread.ts";
import { MODEL_OPTION, modelOrBundled } from "./_model_directory.ts";
import { SERVICE_OPTIONS, serviceSettings } from "./_service_options.ts";

/** `serve` on the command line. */
export const command: Command = defineCommand({
  usage: "serve [--model DIR|ID] [--head NAME=DIR ...] [--port 8000]",
  options: {
    ...MODEL_OPTION,
    ...HEADS_OPTION,
    "teach-token-file": {
      kind: "string",
      value: "FILE",
      help: "lets clients teach heads who know the token in it (EARSHOT_TEACH_TOKEN)",
    },
    "save-heads": {
      kind: "string",
      value: "DIR",
      help: "a new folder to write heads into that are taught (in memory alone)",
    },
    port: {
      kind: "number",
      whole: true,
      min: 0,
      max: 65535,
      default: 8000,
      help: "0: any that is free",
    },
    hostname: { kind: "string", default: "127.0.0.1", help: "0.0.0.0: to all" },
    ...SERVICE_OPTIONS,
  },
  examples: [
    "serve",
    "serve --model my-model --port 9000 --hostname 0.0.0.0",
    "serve --model path/to/backbone --head birds=heads/birds --head frogs=heads/frogs",
  ],
  run: async ({ options, files }, out) => {
    expectNoFiles(files);
    if (options["save-heads"] === undefined) await Deno.permissions.revoke({ name: "write" });
    const token = await teachToken(options["teach-token-file"]);
    const folder = options["save-heads"];
    if (folder !== undefined && token === undefined) {
      throw new UsageError(
        'Cannot use argument "--save-heads": expected "--teach-token-file" with it',
      );
    }
    await expectNoHeads(folder);
    await serve({
      heads: namedHeads(options.head),
      teachToken: token,
      saveHeads: folder,
      model: await modelOrBundled(options.model, out),
      port: options.port,
      hostname: options.hostname,
      settings: { ...settingsOfEnvironment(), ...serviceSettings(options) },
      log: out.line,
    });
    return 0;
  },
});

/** What is served, and where. */
export interface ServeOptions {
  /** The model directory. */
  model: string;
  /** Directories of heads by name. @default the model's own head alone */
  heads?: Readonly<Record<string, string>>;
  /** Lets clients teach heads who know it. @default nobody may */
  teachToken?: string;
  /** The folder into which heads are written that are taught. @default none */
  saveHeads?: string;
  /** @default 8000; 0 takes any that is free. */
  port?: number;
  /** The address to listen on; "0.0.0.0" for all. @default "127.0.0.1" */
  hostname?: string;
  /** Who may ask. @default as `createApp` has it */
  settings?: ServiceSettings;
  /** Ends the service. Without one, an interrupt does. */
  signal?: AbortSignal;
  /** Gets the lines for the user. @default none */
  log?: (line: string) => void;
  /** Called with the port as soon as requests are taken. */
  onListen?: (port: number) => void;
}

/**
 * Serves a model until the signal or an interrupt; requests in hand are then answered first.
 *
 * @throws {CheckpointError} when the model cannot be loaded.
 * @throws {RangeError} when the port cannot be had.
 */
export async function serve(options: ServeOptions): Promise<void> {
  const { model, port = 8000, hostname = "127.0.0.1", log = () => {}, onListen } = options;
  const { heads = {}, teachToken, saveHeads } = options;
  const hasHeads = teachToken !== undefined || Object.keys(heads).length > 0;
  const classifier = await inThread({ model, ...hasHeads && { heads } });
  try {
    const saveHead = saveHeads === undefined ? undefined : headSaver(saveHeads);
    const app = createApp(classifier, {
      ...options.settings,
      ...{ log, teachToken, saveHead },
      upgradeWebSocket: upgradeOnDeno,
    });
    const server = listen({ port, hostname }, app.fetch);
    log(`Device: ${classifier.device}`);
    const url = `http://${hostname === "0.0.0.0" ? "localhost" : hostname}:${server.addr.port}/`;
    log(`Serving ${model} on ${url}`);
    log(`  curl --data-binary @clip.wav "${url}?top_k=3"`);
    for (const name of Object.keys(heads)) {
      log(`  curl --data-binary @clip.wav "${url}heads/${name}?top_k=3"`);
    }
    onListen?.(server.addr.port);
    await untilSignal(options.signal);
    await app.close();
    await server.shutdown();
  } finally {
    classifier.dispose();
  }
}

/** The model in a thread of its own, so that requests are taken while it computes. */
async function inThread(served: ServedModel): Promise<ThreadedClassifier> {
  const module = siblingModule("_serve_thread", import.meta.url);
  return await threadedClassifier(webWorker(module, JSON.stringify(served)));
}

function listen(
  address: { port: number; hostname: string },
  fetch: (request: Request) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ ...address, onListen: () => {} }, (request) => fetch(request));
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    const message = `Cannot listen on port ${address.port}: expected a free one, found it in use`;
    throw Object.assign(new RangeError(message, { cause: error }), {
      hint: "Name another one with --port",
    });
  }
}

/** Waits for the signal, or for the operating system's to stop the process. */
async function untilSignal(signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  const interrupts: Deno.Signal[] = signal ? [] : ["SIGINT"];
  if (Deno.build.os !== "windows") interrupts.push("SIGTERM");
  for (const name of interrupts) Deno.addSignalListener(name, end);
  signal?.addEventListener("abort", end);
  if (signal?.aborted) resolve();
  await promise;
  signal?.removeEventListener("abort", end);
  for (const name of interrupts) Deno.removeSignalListener(name, end);
}
