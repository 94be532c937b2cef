/**
 * A bundle for Cloudflare Workers on miniflare, with its weights in a bucket (R2) or a namespace (KV); a program for
 * Node: `_miniflare.mjs RUNTIMES BUNDLE r2|kv right|changed|missing`.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { argv } from "node:process";

const [runtimes, folder, kind, state] = argv.slice(2);
const { Miniflare } = createRequire(`${runtimes}/package.json`)("miniflare");
const wrangler = JSON.parse(readFileSync(`${folder}/wrangler.jsonc`, "utf8"));
const [{ binding, bucket_name: bucket }] = wrangler.r2_buckets;
const WEIGHTS = "model/model.safetensors";

const modules = [{ type: "ESModule", path: `${folder}/${wrangler.main}` }];
for (const { type, globs } of wrangler.rules) {
  const names = globs.flatMap((glob) => glob === "*.wasm" ? ["kernels.wasm", "opus.wasm"] : glob);
  modules.push(...names.map((name) => ({ type, path: `${folder}/${name}` })));
}
const miniflare = new Miniflare({
  ...{ rootPath: folder, modulesRoot: folder, modules },
  compatibilityDate: wrangler.compatibility_date,
  ...kind === "kv" ? { kvNamespaces: [binding] } : { r2Buckets: { [binding]: bucket } },
});
const store = kind === "kv"
  ? await miniflare.getKVNamespace(binding)
  : await miniflare.getR2Bucket(binding);
const weights = Uint8Array.from(readFileSync(`${folder}/${WEIGHTS}`));
if (state === "changed") weights[weights.length - 1] ^= 1;
if (state !== "missing") await store.put(WEIGHTS, weights.buffer);
console.log(String(await miniflare.ready));
