import { deepEqual, equal, ok } from "node:assert/strict";
import { basename, dirname, join } from "node:path";
import { foldOf, heardClips, speakerOf } from "../../models/make_backbone/sources.ts";

const WORDS = Array.from({ length: 12 }, (_, i) => `word ${String.fromCharCode(97 + i)}`);
const SPEAKERS = ["00000001", "00000002", "00000003"];

async function write(file: string, text = ""): Promise<void> {
  await Deno.mkdir(dirname(file), { recursive: true });
  await Deno.writeTextFile(file, text);
}

/** Folders like those of the sources, with empty recordings. */
async function withSources(
  body: (folders: { words: string; sounds: string; instruments: string }) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    const [words, sounds, instruments] = ["words", "sounds", "instruments"]
      .map((name) => join(root, name)) as [string, string, string];
    for (const word of WORDS) {
      for (const speaker of SPEAKERS) {
        await write(join(words, "dataset", word, `${speaker}_NO_01.wav`));
      }
    }
    const unheard = `dataset/${WORDS[0]}/${SPEAKERS[2]}_NO_01.wav,${WORDS[0]}`;
    await write(join(words, "test.csv"), `file,class\n${unheard}\n`);
    for (let fold = 1; fold <= 5; fold++) await write(join(sounds, "rain", `${fold}-17.ogg`));
    // One of the two whose terms are not as free.
    await write(join(sounds, "rain", "2-96460-A.ogg"));
    await write(join(sounds, "README.md"));
    await write(join(instruments, "drum_roll.flac"));
    await body({ words, sounds, instruments });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("heardClips() leaves out the first ten words by name, and speakers of the test", async () => {
  await withSources(async ({ words }) => {
    const heard = await heardClips({ words });
    deepEqual(
      heard.map(({ file, label }) => [label, speakerOf(file)]),
      ["word k", "word l"].flatMap((word) => [[word, "00000001"], [word, "00000002"]]),
    );
  });
});

Deno.test("heardClips() leaves out the fifth fold of the sounds, and what may not be used freely", async () => {
  await withSources(async ({ sounds }) => {
    const heard = await heardClips({ sounds });
    deepEqual(heard.map(({ file }) => foldOf(file)), ["1", "2", "3", "4"]);
    ok(heard.every(({ label }) => label === "rain"));
  });
});

Deno.test("heardClips() names instruments by what their files begin with", async () => {
  await withSources(async ({ instruments }) => {
    const [clip] = await heardClips({ instruments });
    equal(clip!.label, "drum");
    equal(basename(clip!.file), "drum_roll.flac");
  });
});
