/**
 * What a service says of itself: `openapi.json`, and the page of it.
 *
 * @module
 */
import denoJson from "../../deno.json" with { type: "json" };
import { type DescribedService, openapiOf } from "../../edge/openapi.ts";
import { openapiPage } from "../../edge/openapi_page.ts";

/** The documents by their names beside a bundle. */
export function documentFiles(
  service: Omit<DescribedService, "version">,
): Readonly<Record<string, string>> {
  const document = openapiOf({ ...service, version: denoJson.version });
  return {
    "openapi.json": `${JSON.stringify(document, undefined, 2)}\n`,
    "docs.html": openapiPage(document),
  };
}

/** The files of the page at `/ui`, by their names beside a bundle. */
export async function pageFiles(): Promise<Readonly<Record<string, string>>> {
  const { servicePage } = await import("../../edge/ui_texts.ts");
  const entries = Object.entries(servicePage()).map(([name, text]) => [`ui/${name}`, text]);
  return Object.fromEntries(entries);
}

/** All of them as `createApp()` asks for them. */
export function serviceDocuments(
  service: Omit<DescribedService, "version">,
): (name: string) => Promise<string | undefined> {
  const files = documentFiles(service);
  let page: Promise<Readonly<Record<string, string>>> | undefined;
  return async (name) => files[name] ?? (await (page ??= pageFiles()))[name];
}
