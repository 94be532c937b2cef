/**
 * Builds the page from its sources in \`ui\`: for a service, and for a site that computes in the browser.
 *
 * Only contributors do. What comes out is kept in \`ui_files.ts\`, so that the package needs no sources of a page.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { workletSource } from "../src/browser/mod.ts";

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

/** Files by their names; `index.html` is the page. */
export type PageFiles = Readonly<Record<string, string>>;

/** The page of a service, whose files are in its folder \`ui\`; below \`site\` what differs in a site. */
export async function buildPages(): Promise<PageFiles> {
  const esbuild = await import("esbuild");
  try {
    const page = await pageFiles(esbuild, { entry: "service_page.ts", folder: "ui/" });
    const site = await pageFiles(esbuild, {
      entry: "site_page.ts",
      folder: "",
      policy: SITE_POLICY,
    });
    return { ...page, "site/index.html": site["index.html"]!, "site/page.js": site["page.js"]! };
  } finally {
    await esbuild.stop();
  }
}

type Esbuild = typeof import("esbuild");

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
    entryPoints: [fileURLToPath(new URL(entry, UI))],
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    logLevel: "silent",
  });
  return outputFiles[0]!.text;
}

async function textOf(name: string): Promise<string> {
  return await Deno.readTextFile(new URL(name, UI));
}
