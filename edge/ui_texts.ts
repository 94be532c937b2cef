/**
 * The files of the page, unpacked.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { gunzipSync } from "node:zlib";
import { UI_FILES } from "./ui_files.ts";

/** For hosts that read it (Netlify, Cloudflare Pages): pages that are isolated compute with threads. */
const SITE_HEADERS = `/*
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
`;

/** The files of a service's page by their names; `index.html` is the page. */
export function servicePage(): Readonly<Record<string, string>> {
  const names = Object.keys(UI_FILES).filter((name) => !name.startsWith("site/"));
  return Object.fromEntries(names.map((name) => [name, textOf(name)]));
}

/** Those of a site, without its worker and its model. */
export function sitePage(): Readonly<Record<string, string>> {
  const own = ["index.html", "page.js"].map((name) => [name, textOf(`site/${name}`)]);
  return { ...servicePage(), ...Object.fromEntries(own), "_headers": SITE_HEADERS };
}

function textOf(name: string): string {
  return gunzipSync(Buffer.from(UI_FILES[name]!, "base64")).toString();
}
