/**
 * Builds the service into single files with esbuild.
 *
 * TensorFlow.js is a family of packages for every device and every model format; the service uses its
 * engine and its tensor store, with our kernels. What else would come along, because a module of it
 * runs code when it is imported, is named here and left out.
 *
 * @module
 */
import { createRequire, isBuiltin } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { UnsupportedOpError } from "../src/errors.ts";
import { siblingModule } from "../src/sibling_module.ts";
import { type BuiltModel, keepOneModel } from "./_one_model_build.ts";
import { useModules, workerdModules } from "./_workerd_build.ts";
import type {
  BuildOptions,
  Metafile,
  OnLoadResult,
  OnResolveArgs,
  OnResolveResult,
  Plugin,
} from "esbuild";

export type { BuiltModel };

/** The hosts that the service is built for, each by its file in `hosts/`. */
export type BuildTarget = "deno" | "node" | "bun" | "cloudflare";

/** The built files. */
export interface ServerBuild {
  /** The service: its only export is `default { fetch }`. */
  server: Uint8Array;
  /** Starts it, on hosts that run a program. */
  main: Uint8Array;
  /** Modules that `server` imports, by name, where the host wants them apart; `files.js` is the bundle's own. */
  modules: Record<string, Uint8Array>;
  /** Source files with at least one byte in the build, and their number of bytes. */
  reached: Record<string, number>;
}

/** Modules that are replaced, by the end of their path; each with the reason. */
const REPLACED: readonly (readonly [path: RegExp, contents: string])[] = [
  // Registers the stock optimisers.
  [/tfjs-core\/.*dist\/index\.js$/, "import './base_side_effects'; export * from './base';"],
  // `_tfjs_platform.ts` serves in the place of both.
  [/dist\/platforms\/platform_(browser|node)\.js$/, ""],
  // Saves and loads models in formats of its own.
  [/tfjs-core\/.*dist\/io\/io\.js$/, ""],
  // Runs a decoder in a worker, which comes from Node where the build runs.
  [/(WASMAudioDecoder|OpusDecoderWeb)Worker\.js$/, "export default class {}"],
  // Hashes strings; no tensor here holds any.
  [/tfjs-core\/.*dist\/hash_util\.js$/, ""],
];

const NOTICE = `// Earshot's service for the model beside it, made by "bundle". Parts of it are
// TensorFlow.js (Apache-2.0, Google LLC), Hono (MIT, Yusuke Wada and Hono contributors), opus-decoder and
// simple-yenc (MIT, Ethan Halsall) with libopus (BSD-3-Clause, Xiph.Org, Skype, Octasic and others).`;

/** `ws` asks for Node's modules as modules of its time do. */
const NODE_NOTICE = `
// ws is MIT, Einar Otto Stangvik, Arnout Kazemier, Luigi Pinca and others.
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);`;

/** The compiled kernels, in their two builds. */
const BINARY = /\/src\/kernels\/wasm\/_(relaxed_)?simd_binary\.[jt]s$/;

/** The build for engines without relaxed SIMD: V8 before 11.4, as Node 20 has it, and some browsers. */
const PLAIN_BINARY = /\/src\/kernels\/wasm\/_simd_binary\.[jt]s$/;

/** Deno and Bun have had relaxed SIMD before the oldest version that bundles are for. */
const NO_PLAIN =
  'throw new TypeError("Cannot start the WASM device: expected an engine with relaxed SIMD");' +
  'export const BINARY = "";';

/** Heads that do not classify clips, whose code no bundle carries. */
const OTHER_HEADS = /\/src\/models\/_load_named_head\.[jt]s$/;
const NO_OTHER_HEADS =
  'export const loadNamedHead = () => Promise.reject(new TypeError("bundled"));';

/** The folder that `src` and `edge` lie in. */
const ROOT = new URL("../", import.meta.url);

/** What `server.ts` imports of the host. */
const HOST = /^\.\/hosts\/deno(?=\.[jt]s$)/;

/** Imported for what they do, and not only for names: the kernels register themselves. */
const EFFECTIVE = /\/src\/kernels\/|\/edge\/_tfjs_platform\.[jt]s$/;

/** Only hosts of older engines get what these lack. */
const OLDER_ENGINES = /\/src\/older_engines\.[jt]s$/;

/**
 * Builds `server.js` and `main.js`.
 *
 * Needs to run esbuild's binary and to read the environment, the sources and the npm packages; where
 * Earshot was imported from the web, also the net, to fetch its sources.
 *
 * @param target the host.
 * @param model what it is for; without it there is what every model needs.
 * @throws {UnsupportedOpError} when esbuild may not run.
 */
export async function buildServer(
  target: BuildTarget = "deno",
  model?: BuiltModel,
): Promise<ServerBuild> {
  try {
    // Deno tells where a package lies once it is loaded; where there is node_modules, always. `server.ts` itself would
    // look for its settings.
    await import("./_tfjs_platform.ts");
    await import("../src/kernels/wasm/browser.ts");
    await import("../src/classify/classifier.ts");
    await import("./mod.ts");
    if (target === "node") await import("ws");
    return await buildWith(await import("esbuild"), target, model);
  } catch (error) {
    throw asRefusal(error);
  }
}

async function buildWith(
  { build, stop }: typeof import("esbuild"),
  target: BuildTarget,
  model: BuiltModel | undefined,
): Promise<ServerBuild> {
  try {
    const server = await build({ ...optionsFor("server", target, model), minify: true });
    const main = await build(optionsFor("main", target));
    return {
      server: server.outputFiles[0]!.contents,
      main: main.outputFiles[0]!.contents,
      modules: target === "cloudflare" ? await workerdModules() : {},
      reached: reachedBytes(server.metafile),
    };
  } finally {
    await stop();
  }
}

/** Builds the worker of a site, which computes in the browser. */
export async function buildSiteWorker(): Promise<Uint8Array> {
  try {
    await import("./_tfjs_platform.ts");
    await import("../src/browser/mod.ts");
    const { build, stop } = await import("esbuild");
    const options = { ...optionsFor("site_worker", "deno"), minify: true };
    const { outputFiles } = await build(options).finally(stop);
    return outputFiles[0]!.contents;
  } catch (error) {
    throw asRefusal(error);
  }
}

function optionsFor(
  name: string,
  target: BuildTarget,
  model?: BuiltModel,
): BuildOptions & { write: false; metafile: true } {
  return {
    entryPoints: [siblingModule(name, import.meta.url).href],
    absWorkingDir: ROOT.protocol === "file:" ? fileURLToPath(ROOT) : undefined,
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    charset: "utf8",
    banner: name === "server" ? { js: bannerFor(target) } : {},
    legalComments: "eof",
    logLevel: "silent",
    plugins: [resolveAndTrim(target, name, model)],
  };
}

function bannerFor(target: BuildTarget): string {
  return target === "node" ? NOTICE + NODE_NOTICE : NOTICE;
}

/** The error in our words where Deno refused; esbuild itself only misses its process then. */
function asRefusal(cause: unknown): unknown {
  if (!/Requires \w+ access|'unref'/.test(String(cause))) return cause;
  const net = ROOT.protocol === "file:" ? "" : ` --allow-net=${ROOT.host}`;
  return new UnsupportedOpError("Cannot build with esbuild: Deno was not given access", {
    cause,
    hint: `Allow it with --allow-env --allow-run${net}`,
  });
}

/** Finds modules as Deno does, with or without a `node_modules` folder, and leaves parts of them out. */
function resolveAndTrim(target: BuildTarget, name: string, model?: BuiltModel): Plugin {
  return {
    name: "earshot",
    setup(build) {
      if (target === "cloudflare") useModules(build);
      for (const namespace of ["file", "web"]) {
        build.onLoad({ filter: OTHER_HEADS, namespace }, () => ({ contents: NO_OTHER_HEADS }));
      }
      if (model) keepOneModel(build, model, fetchText);
      if (name === "server" && (target === "deno" || target === "bun")) {
        for (const namespace of ["file", "web"]) {
          build.onLoad({ filter: PLAIN_BINARY, namespace }, () => ({ contents: NO_PLAIN }));
        }
      }
      build.onResolve({ filter: /.*/ }, (found) => {
        // Decoders come along, and run with the first clip that needs them; so do both builds of the kernels.
        const needed = /\/src\/(audio|kernels\/wasm)\/[^/]+$/;
        const isNeeded = needed.test(found.importer.replaceAll("\\", "/"));
        const isLeftOut = found.kind === "dynamic-import" && !isNeeded;
        if (isLeftOut) return { path: found.path, external: true };
        if (found.kind === "entry-point") return sourceOf(found, target);
        if (isBuiltin(found.path)) return { path: found.path, external: true };
        if (!found.path.startsWith(".")) return packageFile(found);
        return isOurs(found) ? sourceOf(found, target) : undefined;
      });
      build.onLoad({ filter: /\.js$/ }, ({ path }) => replacement(path));
      if (target === "cloudflare") {
        // There they are modules of their own.
        for (const namespace of ["file", "web"]) {
          build.onLoad(
            { filter: BINARY, namespace },
            () => ({ contents: 'export const BINARY = ""' }),
          );
        }
      }
      build.onLoad({ filter: /.*/, namespace: "web" }, ({ path }) => fetchSource(path));
      build.onLoad(
        { filter: /.*/, namespace: "absent" },
        ({ path }) => ({ contents: ABSENT[path] }),
      );
    },
  };
}

/** Whether it is one of our files that imports. */
function isOurs({ importer, namespace }: OnResolveArgs): boolean {
  if (namespace === "web") return true;
  const { href } = pathToFileURL(importer);
  // A clone has its npm packages below the same folder.
  return ["src/", "edge/"].some((folder) => href.startsWith(new URL(folder, ROOT).href));
}

/** One of our own files, on the disk or on the web. */
function sourceOf(
  { path, importer, namespace }: OnResolveArgs,
  target: BuildTarget,
): OnResolveResult {
  const base = namespace === "web" ? importer : importer && pathToFileURL(importer);
  const url = new URL(path.replace(HOST, `./hosts/${target}`), base || undefined);
  if (url.href === siblingModule("server", import.meta.url).href && importer !== "") {
    return { path: "./server.js", external: true };
  }
  const fillsGaps = OLDER_ENGINES.test(url.pathname) && (target === "node" || target === "bun");
  const sideEffects = importer === "" || fillsGaps || EFFECTIVE.test(url.pathname);
  if (url.protocol !== "file:") return { path: url.href, namespace: "web", sideEffects };
  return { path: fileURLToPath(url), sideEffects };
}

/** A file of an npm package, wherever Deno keeps it; published files name it as `npm:hono@4/tiny`. */
function packageFile(found: OnResolveArgs): OnResolveResult {
  const { path, importer } = found;
  if (path in ABSENT) return { path, namespace: "absent", sideEffects: false };
  const file = isOurs(found)
    ? fileURLToPath(import.meta.resolve(path))
    : createRequire(importer).resolve(path);
  // The modules of TensorFlow.js lie beside the one file that is meant for Node.
  return { path: file.replace(/[^\\/]*\.node\.js$/, "index.js") };
}

/** Packages that are left out: random strings for tensors, and what `ws` tries to load and does without. */
const ABSENT: Readonly<Record<string, string>> = {
  seedrandom: "",
  bufferutil: "throw new TypeError('left out')",
  "utf-8-validate": "throw new TypeError('left out')",
};

function replacement(path: string): OnLoadResult | undefined {
  const plain = path.replaceAll("\\", "/");
  const contents = REPLACED.find(([end]) => end.test(plain))?.[1];
  return contents === undefined ? undefined : { contents, resolveDir: dirname(path) };
}

/** A source of Earshot that was imported from the web. */
async function fetchSource(url: string): Promise<OnLoadResult> {
  return { contents: await fetchText(url), loader: "ts" };
}

async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, { headers: { Accept: "text/typescript" } });
  if (response.ok) return await response.text();
  await response.body?.cancel();
  throw new TypeError(`Cannot fetch "${url}": expected status 200, found ${response.status}`);
}

/** A module by a name that is the same on every machine. */
function shortName(path: string): string {
  const place = path.replace(/^web:/, "");
  if (place.startsWith(ROOT.href)) return place.slice(ROOT.href.length);
  const inPackages = place.replace(/^.*\/(node_modules|npm\/[^/]+)\//, "");
  return inPackages.replace(/^((?:@[^/]+\/)?[^/]+)\/\d[^/]*(?=\/)/, "$1");
}

/** The sources with a part in the build, by name: `src/audio/wav.ts`, `hono/dist/hono-base.js`. */
function reachedBytes(metafile: Metafile): Record<string, number> {
  const reached: Record<string, number> = {};
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      if (bytesInOutput > 0) reached[shortName(path)] = bytesInOutput;
    }
  }
  return reached;
}
