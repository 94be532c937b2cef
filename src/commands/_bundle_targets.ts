/**
 * The hosts that `bundle` writes for: the files that each wants beside the service, and how it is started there.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename, resolve } from "node:path";
import type { BuildTarget } from "../../edge/build.ts";
import type { SiteFacts } from "../../edge/site_messages.ts";
import { SETTINGS_VARIABLES } from "../../edge/settings.ts";
import { jsonBytes } from "../pretrained.ts";
import { workerFiles } from "./_bundle_worker.ts";
import { STEADY_PREFIX, STEADY_V8_FLAGS } from "./_v8_flags.ts";

/** A bundle whose other files are written. */
export interface WrittenBundle {
  /** Where they are now. */
  folder: string;
  /** A name that every host takes. */
  name: string;
  /** All but code, by their paths. */
  names: readonly string[];
  /** The model, as it was named. */
  model: string;
  /** What the service may take, in MiB. */
  memoryMb: number;
  /** Most bytes of files in a script that has them as modules; larger ones are fetched. */
  maxScriptBytes: number;
}

/** A host. */
export interface BundleTarget {
  /** One line for `--help`. */
  help: string;
  /** The build of the service that it takes; a site has no service. */
  build: BuildTarget | "site";
  /** Whether a program starts the service, `main.js`. */
  hasProgram: boolean;
  /** Files of the host's own, by name. */
  files(bundle: WrittenBundle): Record<string, Uint8Array> | Promise<Record<string, Uint8Array>>;
  /** Commands, in the bundle, that start it. */
  start: readonly string[];
}

const RIGHTS = ["--allow-read=.", "--allow-net", `--allow-env=${SETTINGS_VARIABLES.join(",")}`];
/** Deno Deploy is asked for more than the service is to take, in steps, and never for very little. */
const DEPLOY_PARTS = { spare: 1.25, stepMb: 64, leastMb: 256 } as const;

function denoJson(memoryMb: number): object {
  const { spare, stepMb, leastMb } = DEPLOY_PARTS;
  const memoryLimit = Math.max(leastMb, Math.ceil(memoryMb * spare / stepMb) * stepMb);
  return {
    tasks: { start: `${STEADY_PREFIX} deno run ${RIGHTS.join(" ")} ${STEADY_V8_FLAGS} main.js` },
    deploy: { runtime: { type: "dynamic", entrypoint: "main.js", memoryLimit } },
  };
}

/** All targets by name. */
export const BUNDLE_TARGETS = {
  deno: {
    help: "Deno",
    build: "deno",
    hasProgram: true,
    files: denoFiles,
    start: ["deno serve --allow-read=. server.js"],
  },
  deploy: {
    help: "Deno Deploy",
    build: "deno",
    hasProgram: true,
    files: denoFiles,
    start: ["deno deploy"],
  },
  node: {
    help: "Node 20 and later",
    build: "node",
    hasProgram: true,
    files: ({ name }) => packageFiles(name, "node"),
    start: ["node main.js"],
  },
  bun: {
    help: "Bun",
    build: "bun",
    hasProgram: true,
    files: ({ name }) => packageFiles(name, "bun"),
    start: ["bun main.js"],
  },
  container: {
    help: "a container",
    build: "deno",
    hasProgram: true,
    files: (written: WrittenBundle) => ({
      ...denoFiles(written),
      Dockerfile: new TextEncoder().encode(dockerfile()),
    }),
    start: ["docker build --tag earshot .", "docker run --publish 8000:8000 earshot"],
  },
  cloudflare: {
    help: "Cloudflare Workers",
    build: "cloudflare",
    hasProgram: false,
    files: workerFiles,
    start: ["npx wrangler dev --port 8000", "npx wrangler deploy"],
  },
  static: {
    help: "a page that computes in the browser",
    build: "site",
    hasProgram: false,
    files: siteFiles,
    start: ["python3 -m http.server"],
  },
} as const satisfies Readonly<Record<string, BundleTarget>>;

/** The name of a target. */
export type BundleTargetName = keyof typeof BUNDLE_TARGETS;

/** The names, in the order in which people are shown them. */
export const TARGET_NAMES = Object.keys(BUNDLE_TARGETS) as BundleTargetName[];

/** Files that hosts want, or leave behind. */
export const HOST_FILES: readonly string[] = [
  ...["server.js", "main.js", "deno.json", "deno.lock", "package.json"],
  ...["Dockerfile", "wrangler.jsonc", "files.js", "kernels.wasm", "opus.wasm"],
  ...["index.html", "page.css", "page.js", "worklet.js", "worker.js", "site.json", "_headers"],
];

function denoFiles({ memoryMb }: WrittenBundle): Record<string, Uint8Array> {
  return { "deno.json": jsonBytes(denoJson(memoryMb)) };
}

/** What the page of a site has to know of its files. */
async function siteFiles({ folder, names, model }: WrittenBundle) {
  const hashes: Record<string, string> = {};
  const heads = new Set<string>();
  for (const name of names) {
    const [room, file, ofHead] = name.split("/");
    if (ofHead !== undefined) heads.add(file!);
    else if (room === "model") hashes[file!] = await sha256(`${folder}/${name}`);
  }
  const facts: SiteFacts = { model, hashes, heads: [...heads] };
  return { "site.json": jsonBytes(facts) };
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const piece of file.readable) hash.update(piece);
  return hash.digest("hex");
}

/** What makes `main.js` a module, and says what runs it. */
function packageFiles(name: string, program: "node" | "bun"): Record<string, Uint8Array> {
  return {
    "package.json": jsonBytes({
      name,
      private: true,
      type: "module",
      scripts: { start: `${program} main.js` },
      engines: program === "node" ? { node: ">=20" } : { bun: ">=1.2" },
    }),
  };
}

/** A name that every host takes, made of a directory's. */
export function hostName(output: string): string {
  const name = basename(resolve(output)).toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return name.replace(/^-|-$/g, "").slice(0, 60) || "earshot";
}

/** Asks the service whether it lives. */
const PROBE = 'const port = Deno.env.get("PORT") || 8000;' +
  "const { ok } = await fetch(`http://127.0.0.1:${port}/livez`);" +
  "Deno.exit(ok ? 0 : 1);";

function dockerfile(): string {
  const run = ["deno", "run", "--no-prompt", ...RIGHTS, STEADY_V8_FLAGS, "main.js"];
  return `# The service in this directory, with the Deno that made it.
FROM denoland/deno:${Deno.version.deno}
WORKDIR /app
COPY . .
USER deno
ENV PORT=8000 ${STEADY_PREFIX}
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ${
    JSON.stringify(["deno", "eval", "--no-config", PROBE])
  }
CMD ${JSON.stringify(run)}
`;
}
