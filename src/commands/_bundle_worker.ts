/**
 * What a bundle for Cloudflare Workers has besides the service: its files as modules of the script, and the
 * configuration of wrangler.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { jsonBytes } from "../pretrained.ts";
import type { WrittenBundle } from "./_bundle_targets.ts";

/** What the runtime is asked to behave like; the date of the one that the tests run. */
const COMPATIBILITY_DATE = "2026-11-01";

interface ScriptFile {
  name: string;
  sizeBytes: number;
  sha256: string;
  /** Whether it is a module of the script. */
  isInside: boolean;
}

/** `files.js`, which has the files of the bundle, and `wrangler.jsonc`. */
export async function workerFiles(bundle: WrittenBundle): Promise<Record<string, Uint8Array>> {
  const files = await scriptFiles(bundle);
  return {
    "files.js": new TextEncoder().encode(filesModule(files)),
    "wrangler.jsonc": jsonBytes(configuration(bundle.name, files)),
  };
}

/** The smallest first, as many as there is room for. */
async function scriptFiles(bundle: WrittenBundle): Promise<ScriptFile[]> {
  const files = await Promise.all(bundle.names.map(async (name) => {
    const bytes = await Deno.readFile(`${bundle.folder}/${name}`);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return { name, sizeBytes: bytes.length, sha256 };
  }));
  let room = bundle.maxScriptBytes;
  return files.sort((a, b) => a.sizeBytes - b.sizeBytes).map((file) => {
    room -= file.sizeBytes;
    return { ...file, isInside: room >= 0 };
  });
}

function filesModule(files: readonly ScriptFile[]): string {
  const imports = files.flatMap(({ name, isInside }, i) =>
    isInside ? [`import file${i} from ${JSON.stringify(`./${name}`)};\n`] : []
  );
  const rows = files.map(({ isInside, ...facts }, i) => {
    const text = JSON.stringify(facts);
    return `  ${isInside ? `{ ...${text}, bytes: file${i} }` : text},\n`;
  });
  return `${imports.join("")}\nexport default [\n${rows.join("")}];\n`;
}

function configuration(name: string, files: readonly ScriptFile[]): Record<string, unknown> {
  const inside = files.filter(({ isInside }) => isInside).map((file) => file.name);
  return {
    name,
    main: "server.js",
    compatibility_date: COMPATIBILITY_DATE,
    no_bundle: true,
    find_additional_modules: true,
    base_dir: ".",
    rules: [
      { type: "ESModule", globs: ["files.js"] },
      { type: "CompiledWasm", globs: ["*.wasm"] },
      { type: "Data", globs: inside, fallthrough: false },
    ],
    ...inside.length < files.length && {
      r2_buckets: [{ binding: "EARSHOT_FILES", bucket_name: name }],
    },
  };
}
