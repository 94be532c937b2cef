/**
 * `serve`: a model behind HTTP on this machine, with the application of `edge/`.
 *
 * @module
 */
import { bodyLimits, tensorBytesOf, workersFor } from "../../edge/memory_plan.ts";
import type { ComputingLimits } from "../../edge/warm_up.ts";
import { directoryBytes, memoryToUse } from "./_memory.ts";
import { endService } from "../../edge/ending.ts";
import { type App, createModelsApp, upgradeOnDeno } from "../../edge/mod.ts";
import { appOptions, DEFAULT_SETTINGS, type ServiceSettings } from "../../edge/settings.ts";
import { listenFailure } from "../../edge/listen_failure.ts";
import {
  classifierPool,
  defaultWorkers,
  type PooledClassifier,
} from "../../edge/classifier_pool.ts";
import { webWorker } from "../../edge/web_worker.ts";
import { siblingModule } from "../sibling_module.ts";
import { type Command, defineCommand, expectNoFiles } from "./_command.ts";
import { UsageError } from "./_arguments.ts";
import { expectNoHeads, HEADS_OPTION, headSaver, namedHeads } from "./_heads.ts";
import type { ServedModel } from "./_serve_thread.ts";
import { serviceDocuments } from "./_service_documents.ts";
import { ADAPTER_OPTION } from "./_model_directory.ts";
import { folderName, MODELS_OPTIONS, servedModels } from "./_served_models.ts";
import { serviceOptions, serviceSettings, SETTINGS_OPTION } from "./_service_options.ts";

/** `serve` on the command line. */
export const command: Command = defineCommand({
  usage: "serve [--model DIR|ID ...] [--head NAME=DIR ...] [--port 8000]",
  options: {
    ...MODELS_OPTIONS,
    ...ADAPTER_OPTION,
    ...HEADS_OPTION,
    "save-heads": {
      kind: "string",
      value: "DIR",
      help: "a new folder to write heads into that are taught (in memory alone)",
    },
    ...SETTINGS_OPTION,
  },
  others: serviceOptions("serve"),
  examples: [
    "serve",
    "serve --model my-model --port 9000 --hostname 0.0.0.0",
    "serve --model acme/birds=models/birds --model acme/frogs=models/frogs",
    "serve --model path/to/backbone --head birds=heads/birds --head frogs=heads/frogs",
  ],
  run: async ({ options, others, files }, out) => {
    expectNoFiles(files);
    if (options["save-heads"] === undefined) await Deno.permissions.revoke({ name: "write" });
    const settings = await serviceSettings(others, options.settings);
    const folder = options["save-heads"];
    if (folder !== undefined && settings.teachToken === undefined) {
      throw new UsageError(
        'Cannot use argument "--save-heads": expected "--teach-token-file" with it',
      );
    }
    await expectNoHeads(folder);
    await serve({
      heads: namedHeads(options.head),
      saveHeads: folder,
      model: await servedModels(options, out),
      adapter: options.adapter,
      settings,
      log: out.line,
    });
    return 0;
  },
});

/** What is served, and where. */
export interface ServeOptions {
  /** The model directory; or several by the names that they get below `/models`, the first also without. */
  model: string | Readonly<Record<string, string>>;
  /** Low-rank changes that go onto the first. @default none */
  adapter?: string;
  /** Directories of heads of the first by name. @default the model's own head alone */
  heads?: Readonly<Record<string, string>>;
  /** The folder into which heads are written that are taught. @default none */
  saveHeads?: string;
  /** Where it listens, its limits, who may ask. @default as the table of settings has it */
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
  const { model, adapter, heads = {}, saveHeads, log = () => {}, onListen } = options;
  const settings = { ...DEFAULT_SETTINGS, hostname: "127.0.0.1", ui: true, ...options.settings };
  const { threads, hostname } = settings;
  const models = typeof model === "string" ? { [folderName(model)]: model } : model;
  const names = Object.keys(models);
  const hasHeads = settings.teachToken !== undefined || Object.keys(heads).length > 0;
  const { workers, ...limits } = await sharedOut(Object.values(models), settings);
  const ofFirst = { adapter, ...hasHeads && { heads } };
  const classifiers = await allInThreads(
    names.map((name, i) => ({ model: models[name]!, threads, limits, ...i === 0 && ofFirst })),
    workers,
  );
  const classifier = classifiers[0]!;
  try {
    const saveHead = saveHeads === undefined ? undefined : headSaver(saveHeads);
    const described = { hasHeads, hasPage: settings.ui, models: names.length > 1 ? names : [] };
    const sources = Object.fromEntries(names.map((name, i) => [name, classifiers[i]!]));
    const app = createModelsApp(sources, {
      ...settings.memoryMb !== undefined && bodyLimits(settings.memoryMb * MB),
      ...appOptions({ ui: settings.ui, ...options.settings }),
      ...{ log, saveHead, documents: serviceDocuments(described) },
      upgradeWebSocket: upgradeOnDeno,
    });
    // They are there; the first probe is not to find that nobody has asked for them.
    await app.load();
    const server = listen({ port: settings.port!, hostname }, app.fetch);
    log(`Device: ${classifier.device}`);
    const url = `http://${hostname === "0.0.0.0" ? "localhost" : hostname}:${server.addr.port}/`;
    log(`Serving ${Object.values(models).join(", ")} on ${url}`);
    log(`  curl --data-binary @clip.wav "${url}?top_k=3"`);
    for (const name of names.length > 1 ? names : []) {
      log(`  curl --data-binary @clip.wav "${url}models/${name}?top_k=3"`);
    }
    for (const name of Object.keys(heads)) {
      log(`  curl --data-binary @clip.wav "${url}heads/${name}?top_k=3"`);
    }
    if (settings.ui) log(`  ${url}ui is a page to speak to`);
    onListen?.(server.addr.port);
    await untilSignal(options.signal);
    await endService(app, () => server.shutdown(), settings.shutdownSeconds!);
  } finally {
    for (const one of classifiers) one.dispose();
  }
}

/** All models, or none where one cannot be loaded. */
async function allInThreads(
  served: readonly ServedModel[],
  workers: number,
): Promise<PooledClassifier[]> {
  const started = await Promise.allSettled(served.map((one) => inThreads(one, workers)));
  const failed = started.find((one) => one.status === "rejected");
  const classifiers = started.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  if (!failed) return classifiers;
  for (const one of classifiers) one.dispose();
  throw failed.reason;
}

const MB = 2 ** 20;

/** How many threads each model has, and what one may take: of the memory that was set, or that the machine has left. */
async function sharedOut(
  models: readonly string[],
  { threads, workers, memoryMb, maxClipSeconds }: ServiceSettings,
): Promise<ComputingLimits & { workers: number }> {
  const maxSeconds = maxClipSeconds!;
  const available = memoryMb === undefined ? await memoryToUse() : memoryMb * MB;
  const most = Math.max(1, Math.floor(defaultWorkers(threads) / models.length));
  if (available === undefined) return { workers: workers ?? most, maxSeconds };
  const memoryBytes = available / models.length;
  const sizes = await Promise.all(models.map((model) => directoryBytes(model).catch(() => 0)));
  const weightBytes = Math.max(...sizes);
  const found = workers ?? workersFor({ memoryBytes, weightBytes, most });
  const tensorBytes = memoryMb === undefined
    ? undefined
    : tensorBytesOf(available, found * models.length);
  return { workers: found, maxSeconds, tensorBytes };
}

/** The model in threads of their own, so that requests are taken while they compute. */
async function inThreads(served: ServedModel, workers: number): Promise<PooledClassifier> {
  const module = siblingModule("_serve_thread", import.meta.url);
  return await classifierPool(webWorker(module, JSON.stringify(served)), { workers });
}

function listen(
  address: { port: number; hostname: string },
  fetch: App["fetch"],
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ ...address, onListen: () => {} }, fetch);
  } catch (error) {
    const failure = listenFailure(error, address);
    if (!failure) throw error;
    const isPort = /port/.test(failure.message);
    const hint = `Name another one with ${isPort ? "--port" : "--hostname"}`;
    throw Object.assign(failure, { hint });
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
