import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { clipsOf, speak, trimmed } from "../../examples/voice_menu/make.ts";
import { PHRASES } from "../../examples/voice_menu/phrases.ts";
import { SPLITS, voicesOf } from "../../examples/voice_menu/voices.ts";
import { decodeWav } from "../../src/audio/mod.ts";

const DIRECTORY = join(import.meta.dirname!, "..", "..", "examples", "voice_menu");
const SIZE_LIMIT_BYTES = 6_000_000;
const ESPEAK_VERSION = "1.51";

Deno.test("voice_menu holds exactly the clips that make.ts makes", async () => {
  const expected = SPLITS.flatMap(clipsOf).map((clip) => clip.path).sort();
  deepEqual((await filesBelow(DIRECTORY)).filter((path) => path.endsWith(".wav")), expected);
});

Deno.test("voice_menu clips are short 8 kHz mu-law WAV files and fit the size limit", async () => {
  let sizeBytes = 0;
  for (const { path } of SPLITS.flatMap(clipsOf)) {
    const bytes = await Deno.readFile(join(DIRECTORY, path));
    const view = new DataView(bytes.buffer);
    deepEqual([view.getUint16(20, true), view.getUint32(24, true)], [7, 8_000], path);
    const { durationSec } = decodeWav(bytes);
    ok(durationSec > 0.3 && durationSec < 1.6, `${path} lasts ${durationSec} s`);
    sizeBytes += bytes.length;
  }
  ok(sizeBytes <= SIZE_LIMIT_BYTES, `${sizeBytes} bytes`);
});

Deno.test("voicesOf() shares no accent and no variant between splits", () => {
  const seen = new Map<string, string>();
  for (const split of SPLITS) {
    for (const voice of voicesOf(split)) {
      for (const part of voice.espeak.split("+")) {
        equal(seen.get(part) ?? split, split, `${part} speaks in two splits`);
        seen.set(part, split);
      }
    }
  }
});

Deno.test("voicesOf() gives each split the voices it needs, under names of their own", () => {
  const voices = SPLITS.map(voicesOf);
  deepEqual(voices.map((split) => split.length), [44, 5, 8]);
  const names = voices.flat().map((voice) => voice.name);
  equal(new Set(names).size, names.length);
  for (const name of names) match(name, /^[a-z]+-[a-z0-9]+$/);
});

Deno.test("clipsOf() has training voices of every accent speak every phrasing", () => {
  const phrasings = Object.values(PHRASES).flat();
  equal(new Set(phrasings).size, phrasings.length);
  const spoken = new Set(
    clipsOf("train").map(({ text, voice }) => `${text}|${voice.espeak.split("+")[0]}`),
  );
  equal(spoken.size, phrasings.length * 5);
});

Deno.test("trimmed() keeps 20 ms of the silence at each end", () => {
  const samples = new Float32Array(4_000);
  samples.fill(0.5, 1_000, 2_000);
  samples.fill(0.005, 2_000, 3_000);
  const kept = trimmed(samples);
  equal(kept.length, 160 + 1_000 + 160);
  deepEqual([kept[159], kept[160], kept[1_159]], [0, 0.5, 0.5]);
});

const version = await espeakVersion();
const reason = version === ESPEAK_VERSION
  ? ""
  : ` [skipped: espeak-ng ${ESPEAK_VERSION} needed, ${version}]`;
Deno.test({
  name: `speak() gives the committed bytes${reason}`,
  ignore: reason !== "",
  fn: async () => {
    for (const split of SPLITS) {
      const clip = clipsOf(split).at(-1)!;
      deepEqual(await speak(clip), await Deno.readFile(join(DIRECTORY, clip.path)), clip.path);
    }
  },
});

async function filesBelow(directory: string, prefix = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(directory)) {
    const path = prefix + entry.name;
    if (entry.isDirectory) {
      files.push(...await filesBelow(join(directory, entry.name), `${path}/`));
    } else files.push(path);
  }
  return files.sort();
}

async function espeakVersion(): Promise<string> {
  const permission = await Deno.permissions.query({ name: "run", command: "espeak-ng" });
  if (permission.state !== "granted") return "not allowed to run it";
  try {
    const { stdout } = await new Deno.Command("espeak-ng", { args: ["--version"] }).output();
    return new TextDecoder().decode(stdout).match(/text-to-speech: (\S+)/)?.[1] ?? "unknown";
  } catch {
    return "not installed";
  }
}

Deno.test("speak() names espeak-ng where it is missing", async () => {
  const program = `import { clipsOf, speak } from ${
    JSON.stringify(import.meta.resolve("../../examples/voice_menu/make.ts"))
  };
    await speak(clipsOf("test")[0]).catch(({ name, message }) => console.log(name, message));`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    cwd: join(DIRECTORY, "..", ".."),
    env: { PATH: "" },
  }).output();
  const decoder = new TextDecoder();
  equal(
    decoder.decode(stdout),
    "TypeError Cannot speak: expected the program espeak-ng, found none of that name; " +
      "Debian's package is called espeak-ng\n",
    decoder.decode(stderr),
  );
});
