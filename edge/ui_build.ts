/**
 * Builds the page with esbuild: for a service, or as a site that computes in the browser.
 *
 * @module
 */
import { workletSource } from "../src/browser/mod.ts";
import { asRefusal, resolveAndTrim } from "./build.ts";

/** Its sources. */
const UI = new URL("./ui/", import.meta.url);

/** What a site may load: its own files. Kernels are WebAssembly, and their threads begin as blobs. */
const SITE_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval' blob:",
  "worker-src 'self' blob:",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "media-src blob:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** For hosts that read it (Netlify, Cloudflare Pages): pages that are isolated compute with threads. */
const SITE_HEADERS = `/*
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
`;

/** Files by their names; `index.html` is the page. */
export type PageFiles = Readonly<Record<string, string>>;

/** The page of a service, whose files are in its folder `ui`. */
export async function buildServicePage(): Promise<PageFiles> {
  return await withEsbuild((esbuild) =>
    pageFiles(esbuild, { entry: "service_page.ts", folder: "ui/" })
  );
}

/** The page as a site, without its model. */
export async function buildSite(): Promise<PageFiles> {
  return await withEsbuild(async (esbuild) => ({
    ...await pageFiles(esbuild, { entry: "site_page.ts", folder: "", policy: SITE_POLICY }),
    "worker.js": await bundled(esbuild, "worker.ts"),
    "_headers": SITE_HEADERS,
  }));
}

type Esbuild = typeof import("esbuild");

async function withEsbuild(build: (esbuild: Esbuild) => Promise<PageFiles>): Promise<PageFiles> {
  try {
    const esbuild = await import("esbuild");
    return await build(esbuild).finally(() => esbuild.stop());
  } catch (error) {
    throw asRefusal(error);
  }
}

async function pageFiles(
  esbuild: Esbuild,
  { entry, folder, policy }: { entry: string; folder: string; policy?: string },
): Promise<PageFiles> {
  const meta = policy ? `<meta http-equiv="Content-Security-Policy" content="${policy}">` : "";
  const html = await textOf("page.html");
  const small = async (text: string, loader: "css" | "js") =>
    (await esbuild.transform(text, { minify: true, loader, charset: "utf8" })).code;
  return {
    "index.html": html.replace("<!-- policy -->", meta).replaceAll('"@', `"${folder}`),
    "page.css": await small(await textOf("page.css"), "css"),
    "page.js": await bundled(esbuild, entry),
    "worklet.js": await small(workletSource(), "js"),
  };
}

async function bundled(esbuild: Esbuild, entry: string): Promise<string> {
  const { outputFiles } = await esbuild.build({
    entryPoints: [new URL(entry, UI).href],
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    logLevel: "silent",
    plugins: [resolveAndTrim("deno")],
  });
  return outputFiles[0]!.text;
}

async function textOf(name: string): Promise<string> {
  const url = new URL(name, UI);
  if (url.protocol === "file:") return await Deno.readTextFile(url);
  const response = await fetch(url);
  if (response.ok) return await response.text();
  await response.body?.cancel();
  throw new TypeError(`Cannot fetch "${url}": expected status 200, found ${response.status}`);
}
