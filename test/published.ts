/**
 * The package as its users get it, made of the files that would be published and nothing else: over HTTP as JSR serves
 * them, or as JavaScript below `node_modules`, as JSR hands them to npm.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import denoJson from "../deno.json" with { type: "json" };

const ROOT = join(import.meta.dirname!, "..");

/** What a process printed, and how it ended. */
export interface Printed {
  code: number;
  stdout: string;
  stderr: string;
}

/** How a process is started. */
export interface DenoOptions {
  cwd: string;
  env?: Record<string, string>;
  /** Bytes for its standard input. */
  stdin?: Uint8Array;
  /** Called with what it wrote to standard output so far. */
  onOutput?: (text: string, child: Deno.ChildProcess) => void;
}

/** Runs deno to its end. */
export async function runDeno(args: string[], options: DenoOptions): Promise<Printed> {
  const { cwd, env, stdin = new Uint8Array(), onOutput = () => {} } = options;
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A process may end without reading what it is given.
  await writer.write(stdin).then(() => writer.close()).catch(() => {});
  const [stdout, stderr, { code }] = await Promise.all([
    textOf(child.stdout, (text) => onOutput(text, child)),
    textOf(child.stderr, () => {}),
    child.status,
  ]);
  return { code, stdout, stderr };
}

async function textOf(
  stream: ReadableStream<Uint8Array>,
  onText: (text: string) => void,
): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) onText(text += part);
  return text;
}

/** What would be published, as paths in the repository, with a slash on every system. */
export async function publishedFiles(): Promise<string[]> {
  const args = ["publish", "--dry-run", "--allow-dirty", "--no-check"];
  const { code, stdout, stderr } = await runDeno(args, { cwd: ROOT });
  assert.equal(code, 0, stdout + stderr);
  const urls = Array.from((stdout + stderr).matchAll(/(file:\/\/\S+) \(/g), (match) => match[1]!);
  return urls.map((url) => fileURLToPath(url).slice(ROOT.length + 1).replaceAll("\\", "/"));
}

/** A name in the place where a module is imported by it. */
const SPECIFIER = /((?:\bfrom|\bimport)\s*\(?\s*)"([^"\n]+)"/g;

/** Writes packages out as publishing does: `hono/tiny` becomes `npm:hono@4.13.19/tiny`. */
function withWrittenOutPackages(text: string): string {
  const packages = Object.entries(denoJson.imports);
  return text.replace(SPECIFIER, (whole, before: string, specifier: string) => {
    const found = packages.find(([name]) => `${specifier}/`.startsWith(`${name}/`));
    return found ? `${before}"${found[1]}${specifier.slice(found[0].length)}"` : whole;
  });
}

/** A server of the published files. */
export interface PublishedServer extends AsyncDisposable {
  /** With a slash at the end. */
  readonly url: string;
  /** The paths that were asked for. */
  readonly requested: Set<string>;
}

const TYPES: Readonly<Record<string, string>> = {
  ts: "text/typescript",
  json: "application/json",
  md: "text/markdown",
};

/** Serves published files on loopback as JSR does, from memory. */
export async function servePublished(files: readonly string[]): Promise<PublishedServer> {
  const contents = new Map<string, string>();
  for (const file of files) {
    const text = await Deno.readTextFile(join(ROOT, file));
    contents.set(`/${file}`, file.endsWith(".ts") ? withWrittenOutPackages(text) : text);
  }
  const requested = new Set<string>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    const text = contents.get(pathname);
    if (text === undefined) return new Response("not published", { status: 404 });
    requested.add(pathname.slice(1));
    const type = TYPES[pathname.replace(/^.*\./, "")] ?? "text/plain";
    return new Response(text, { headers: { "Content-Type": type } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    requested,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/**
 * Writes published files below `project/node_modules` as JSR hands them to npm: JavaScript, with the names of files and
 * packages that belong to it.
 *
 * @returns the folder of the package.
 */
export async function unpackPublished(files: readonly string[], project: string): Promise<string> {
  const folder = join(project, "node_modules", ...denoJson.name.split("/"));
  for (const file of files) {
    const target = join(folder, file);
    await Deno.mkdir(dirname(target), { recursive: true });
    if (file.endsWith(".ts")) await writeAsJavaScript(join(ROOT, file), target);
    else await Deno.copyFile(join(ROOT, file), target);
  }
  await esbuild.stop();
  const exports = Object.fromEntries(
    Object.entries(denoJson.exports).map(([name, path]) => [name, path.replace(/ts$/, "js")]),
  );
  const { name, version } = denoJson;
  const description = { name, version, type: "module", exports };
  await Deno.writeTextFile(join(folder, "package.json"), JSON.stringify(description));
  await Deno.writeTextFile(join(project, "package.json"), '{ "type": "module" }');
  for (const dependency of Object.keys(denoJson.imports)) {
    const link = join(project, "node_modules", dependency);
    await Deno.mkdir(dirname(link), { recursive: true });
    const target = await Deno.realPath(join(ROOT, "node_modules", dependency));
    await Deno.symlink(target, link, { type: "junction" });
  }
  return folder;
}

async function writeAsJavaScript(source: string, target: string): Promise<void> {
  const text = await Deno.readTextFile(source);
  const { code } = await esbuild.transform(text, { loader: "ts", target: "esnext" });
  const named = code.replace(SPECIFIER, (whole, before: string, specifier: string) => {
    return specifier.startsWith(".") ? `${before}"${specifier.replace(/\.ts$/, ".js")}"` : whole;
  });
  await Deno.writeTextFile(target.replace(/ts$/, "js"), named);
}
