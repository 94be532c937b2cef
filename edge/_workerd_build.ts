/**
 * What is built otherwise for hosts that compile no WebAssembly while they run: each is a module of its own then.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inflateRawSync } from "node:zlib";
import type { OnLoadArgs, OnLoadResult, PluginBuild } from "esbuild";
import { UnsupportedOpError } from "../src/errors.ts";

const KERNELS = "kernels.wasm";
const OPUS = "opus.wasm";
/** Written by `bundle`: the files of the model. */
const FILES = "files.js";

/** Where `hosts/cloudflare.ts` has all that is not in the script. */
const MODULES = `export { default as kernels } from "./${KERNELS}";
export { default as files } from "./${FILES}";
export { env } from "cloudflare:workers";`;

/** Has the script import modules in the place of what it would compile. */
export function useModules(build: PluginBuild): void {
  const names = /^(\.\/(kernels\.wasm|opus\.wasm|files\.js)|cloudflare:workers)$/;
  build.onResolve({ filter: names }, ({ path }) => ({ path, external: true }));
  build.onLoad(
    { filter: /[\\/]hosts[\\/]_workerd_modules\.[jt]s$/ },
    () => ({ contents: MODULES }),
  );
  build.onLoad({ filter: /[\\/]opus-decoder[\\/]src[\\/]EmscriptenWasm\.js$/ }, withoutOpus);
}

/** Opus' decoder, with its WebAssembly from outside. */
async function withoutOpus({ path }: OnLoadArgs): Promise<OnLoadResult> {
  const text = await readFile(path, "utf8");
  const imported = text.replace(OPUS_TEXT, "").replace("this.getModule()", "Promise.resolve(opus)");
  if (imported.includes("dynEncode") || !imported.includes("(opus)")) {
    throw new UnsupportedOpError(
      `Cannot build with "${path}": expected opus-decoder 0.7, found another`,
    );
  }
  return { contents: `import opus from "./${OPUS}";\n${imported}`, resolveDir: dirname(path) };
}

/** The text that holds the decoder, in an encoding of its own, without the characters that end it. */
const OPUS_TEXT = /^if \(!EmscriptenWASM\.wasm\).*?String\.raw`[^`]*`\}\);?$/ms;

/** The modules that the script imports. */
export async function workerdModules(): Promise<Record<string, Uint8Array>> {
  const { BINARY } = await import("../src/kernels/wasm/_relaxed_simd_binary.ts");
  return { [KERNELS]: inflateRawSync(Buffer.from(BINARY, "base64")), [OPUS]: await opusDecoder() };
}

/** The WebAssembly of Opus' decoder, as its package unpacks it. */
async function opusDecoder(): Promise<Uint8Array> {
  const main = fileURLToPath(import.meta.resolve("opus-decoder"));
  const common = createRequire(main).resolve("@wasm-audio-decoders/common");
  const { WASMAudioDecoderCommon } = await import(pathToFileURL(common).href);
  const { default: Emscripten } = await import(
    new URL("src/EmscriptenWasm.js", pathToFileURL(main)).href
  );
  // It has what it needs once one was made.
  new WASMAudioDecoderCommon();
  new Emscripten(WASMAudioDecoderCommon);
  return await WASMAudioDecoderCommon.inflateDynEncodeString(Emscripten.wasm);
}
