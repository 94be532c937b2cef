/** What a page pays for the browser's entry, bundled as users do: no plugin, no alias. */
import { deepEqual, ok } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";

/** Of what a page loads to classify samples on WASM: the entry, its chunks and one build of the kernels. */
const MAX_GZIP_BYTES = 150 * 1024;

const ENTRY = fileURLToPath(new URL("../../src/browser/mod.ts", import.meta.url));

// esbuild's process may end a moment after it was told to.
const UNWATCHED = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "the browser's entry bundles without a warning, within its budget, without Deno",
  UNWATCHED,
  async () => {
    const { build, stop } = await import("esbuild");
    try {
      const { outputFiles, metafile, warnings } = await build({
        entryPoints: [ENTRY],
        bundle: true,
        splitting: true,
        minify: true,
        write: false,
        metafile: true,
        format: "esm",
        platform: "browser",
        target: "es2022",
        outdir: "out",
        logLevel: "silent",
      });
      deepEqual(warnings, []);
      const byName = new Map(
        outputFiles.map(({ path, text }) => [path.replace(/^.*\//, ""), text]),
      );
      const names = Object.keys(metafile.outputs);
      const loaded = new Set<string>();
      const load = (name: string) => {
        if (loaded.has(name)) return;
        loaded.add(name);
        for (const { path, kind } of metafile.outputs[name]!.imports) {
          if (kind === "import-statement") load(path);
        }
      };
      load(names.find((name) => /\/mod\.js$/.test(name))!);
      load(names.find((name) => name.includes("_relaxed_simd_binary"))!);
      const texts = [...loaded].map((name) => byName.get(name.replace(/^.*\//, ""))!);
      const gzipBytes = texts.reduce((sum, text) => sum + gzipSync(text).length, 0);
      console.log(`${gzipBytes} bytes compressed`);
      ok(gzipBytes <= MAX_GZIP_BYTES, `${gzipBytes} of ${MAX_GZIP_BYTES} bytes`);
      const inputs = [...loaded].flatMap((name) => Object.keys(metafile.outputs[name]!.inputs));
      const unwanted = /webgpu\/|opus-decoder|tfjs-backend-wasm|pretrained|files\.ts|devices/;
      deepEqual(
        inputs.filter((name) => unwanted.test(name)),
        ["src/browser/_stored_files.ts", "src/browser/web_model_files.ts"].filter((name) =>
          inputs.includes(name)
        ),
      );
      const callers = texts.filter((text) => /[^"'`.\w]Deno\.\w/.test(text));
      deepEqual(callers, [], "a name of Deno's");
    } finally {
      await stop();
    }
  },
);
