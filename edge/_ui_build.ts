/**
 * Builds the page with esbuild: for a service, or for a site that computes in the browser.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { workletSource } from "../src/browser/mod.ts";
import type { BuildOptions, Plugin } from "esbuild";

/** Its sources. */
const UI = new URL("./ui/", import.meta.url);

/** How the pieces of a page come about. */
export interface PageBuild {
  /** The module that starts it, in `ui`. */
  entry: string;
  /** Where its files are, beside the page. */
  folder: string;
  /** Its policy, where it is no header. */
  policy?: string;
  /** Finds modules where esbuild alone does not. */
  plugins?: Plugin[];
}

/** The files of a page by their names; `index.html` is the page. */
export async function buildPage(build: PageBuild): Promise<Record<string, string>> {
  const esbuild = await import("esbuild");
  const bundled = async (options: BuildOptions) => {
    const { outputFiles } = await esbuild.build({
      ...options,
      bundle: true,
      write: false,
      minify: true,
      format: "esm",
      platform: "browser",
      target: "es2022",
      charset: "utf8",
      legalComments: "none",
      logLevel: "silent",
      plugins: build.plugins,
    });
    return outputFiles![0]!.text;
  };
  const path = (name: string) => UI.protocol === "file:" ? fileURLToPath(new URL(name, UI)) : new URL(name, UI).href;
  try {
    const meta = build.policy === undefined
      ? ""
      : `<meta http-equiv="Content-Security-Policy" content="${build.policy}">`;
    const html = await textOf(new URL("page.html", UI));
    return {
      "index.html": html.replace("<!-- policy -->", meta).replaceAll('"@', `"${build.folder}`),
      "page.css": await bundled({ entryPoints: [path("page.css")] }),
      "page.js": await bundled({ entryPoints: [path(build.entry)] }),
      "worklet.js": (await esbuild.transform(workletSource(), { minify: true })).code,
    };
  } finally {
    await esbuild.stop();
  }
}

async function textOf(url: URL): Promise<string> {
  return url.protocol === "file:" ? await Deno.readTextFile(url) : await (await fetch(url)).text();
}
