import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { parquetReadObjects } from "hyparquet";
import { encodeWav } from "../../src/audio/mod.ts";
import { type AudioClassifier, pipeline } from "../../src/classify/pipeline.ts";
import type { DetectedEvent } from "../../src/detect/mod.ts";
import { useReference } from "../reference/backend.ts";
import { saveTinyHead } from "../tiny_heads.ts";
import { saveTinyModel, tone } from "../tiny_model.ts";
import {
  cli,
  cliOk,
  type CommandLineOptions,
  jsonLines,
  withFolder,
  writeFile,
} from "./_command_line.ts";

const DETECT = ["detect", "--model", "model", "--window-seconds", "0.25", "--hop-seconds", "0.125"];
/** Low enough for a model that has learnt nothing. */
const LOW = ["--threshold", "0.2"];

interface EventLine {
  file: string;
  start: number;
  end: number;
  label: string;
  score: number;
  state: string;
}

const SOUND = tone(8_000);

/** The tiny model in `folder/model` and two recordings of a second. */
async function prepare(folder: string): Promise<void> {
  await useReference();
  await saveTinyModel(`${folder}/model`);
  await writeFile(`${folder}/night/a.wav`, encodeWav(SOUND, 8_000));
  await writeFile(`${folder}/night/deep/b.wav`, encodeWav(SOUND.subarray(2_000), 8_000));
}

async function inFolder(
  body: (
    run: (args: string[], options?: CommandLineOptions) => ReturnType<typeof cli>,
    folder: string,
  ) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    await prepare(folder);
    await body((args, options) => cli([...DETECT, ...args], { cwd: folder, ...options }), folder);
  });
}

/** The events that the library finds. */
async function expected(folder: string, file: string): Promise<DetectedEvent[]> {
  const classifier: AudioClassifier = await pipeline("audio-classification", `${folder}/model`);
  const settings = { windowSeconds: 0.25, hopSeconds: 0.125, threshold: 0.2 };
  const events = await Array.fromAsync(classifier.detect(`${folder}/${file}`, settings));
  classifier.dispose();
  return events.filter(({ state }) => state === "ended");
}

Deno.test("detect --json gives the events of the library, a line each", async () => {
  await inFolder(async (run, folder) => {
    const result = await run([...LOW, "night", "--json"]);
    equal(result.code, 0, result.stderr);
    const lines = jsonLines<EventLine>(result);
    const events = await expected(folder, "night/a.wav");
    ok(events.length > 0);
    const own = lines.filter(({ file }) => file === "night/a.wav");
    deepEqual(
      own.map(({ start, end, label }) => [start, end, label]),
      events.map(({ start, end, label }) => [start, end, label]),
    );
    for (const [i, { score }] of own.entries()) ok(Math.abs(score - events[i]!.score) < 1e-5);
    match(result.stderr, /2 recordings with \d+ events: 2 s of sound/);
  });
});

Deno.test("detect hears the same from a pipe of bare samples as from a file", async () => {
  await inFolder(async (run) => {
    const samples = Int16Array.from(SOUND, (value) => Math.round(value * 0x7fff));
    const stdin = new Uint8Array(samples.buffer);
    const raw = ["--rate", "8000", "--encoding", "S16_LE"];
    const piped = await run([...LOW, ...raw, "-", "--json"], { stdin });
    const wav = encodeWav(Float32Array.from(samples, (value) => value / 0x8000), 8_000);
    const whole = await run([...LOW, "-", "--json"], { stdin: wav });
    const [a, b] = [piped, whole].map((result) => jsonLines<EventLine>(result));
    deepEqual(
      a!.map(({ start, end, label }) => [start, end, label]),
      b!.map(({ start, end, label }) => [start, end, label]),
    );
    ok(a!.length > 0);
  });
});

for (
  const [format, first] of [
    ["csv", "file,start,end,label,score"],
    ["raven", "Selection\tView"],
    ["kaleidoscope", "INDIR,FOLDER"],
  ] as const
) {
  Deno.test(`detect --format ${format} prints one table of all recordings`, async () => {
    await inFolder(async (run) => {
      const { code, stdout } = await run([...LOW, "--format", format, "night"]);
      equal(code, 0);
      const lines = stdout.trimEnd().split("\n");
      equal(lines.filter((line) => line.startsWith(first)).length, 1);
      ok(lines[0]!.startsWith(first));
      ok(lines.some((line) => line.includes("b.wav")));
    });
  });
}

Deno.test("detect writes a part a recording, goes on with what is missing, and mixes no settings", async () => {
  await inFolder(async (run, folder) => {
    const args = [...LOW, "--format", "parquet", "--output", "out", "night"];
    equal((await run(args)).code, 0);
    const bytes = await Deno.readFile(`${folder}/out/a.wav.parquet`);
    const rows = await parquetReadObjects({ file: bytes.buffer });
    deepEqual(
      rows.map(({ label }) => label),
      (await expected(folder, "night/a.wav")).map(({ label }) => label),
    );
    await Deno.remove(`${folder}/out/a.wav.parquet`);
    await Deno.writeFile(`${folder}/out/.a.wav.parquet.tmp-01234567`, new Uint8Array(9));
    const again = await run(args);
    match(again.stderr, /1 recording with \d+ events?, 1 were there/);
    deepEqual(await Deno.readFile(`${folder}/out/a.wav.parquet`), bytes);
    const names = Array.from(Deno.readDirSync(`${folder}/out`), ({ name }) => name).sort();
    deepEqual(names, ["a.wav.parquet", "deep", "detect.json"]);
    const other = await run([...args, "--median-windows", "3"]);
    equal(other.code, 1);
    match(other.stderr, /Cannot add to "out": expected the settings of its parts, found others/);
  });
});

Deno.test("detect adds nothing to parts of another head", async () => {
  await inFolder(async (run, folder) => {
    for (const [seed, name] of ["one", "two"].entries()) {
      await saveTinyHead(folder, name, ["no", "yes"], { seed });
    }
    const withHead = (...head: string[]) => run([...head, "--output", "out", "night"]);
    equal((await withHead("--head", "one-head")).code, 0);
    equal((await withHead("--head", "one-head")).code, 0);
    for (const other of [["--head", "two-head"], []]) {
      const { code, stderr } = await withHead(...other);
      equal(code, 1);
      match(
        stderr,
        /Cannot add to "out": expected the settings of its parts, found others: "head"/,
      );
    }
  });
});

Deno.test("detect ends with 74 where its results cannot be written, and names the place", async () => {
  await inFolder(async (run, folder) => {
    await writeFile(`${folder}/out/deep`, new Uint8Array(1));
    const part = await run(["--output", "out", "night"]);
    equal(part.code, 74);
    match(part.stderr, /Cannot make directory ".*deep"/);
    ok(Deno.statSync(`${folder}/out/a.wav.jsonl`).isFile);
    const directory = await run(["--output", "night/a.wav", "night"]);
    equal(directory.code, 74);
    match(directory.stderr, /Cannot make directory "night\/a\.wav": it is there already/);
  });
});

Deno.test("detect shares recordings out, all of them once", async () => {
  await inFolder(async (run, folder) => {
    for (const index of ["0", "1"]) {
      const env = { AWS_BATCH_JOB_ARRAY_INDEX: index, AWS_BATCH_JOB_ARRAY_SIZE: "2" };
      const { stderr } = await run(["--format", "csv", "--output", "out", "night"], { env });
      match(stderr, /Share \d\/2, by AWS_BATCH_JOB_ARRAY_INDEX: 1 of 2 recordings/);
      match(stderr, /1 recording with/);
    }
    ok(Deno.statSync(`${folder}/out/a.wav.csv`).isFile);
    ok(Deno.statSync(`${folder}/out/deep/b.wav.csv`).isFile);
  });
});

Deno.test("detect names bad recordings of a list, and goes on", async () => {
  await inFolder(async (run, folder) => {
    await writeFile(`${folder}/night/bad.wav`, new TextEncoder().encode("no sound"));
    await Deno.writeTextFile(
      `${folder}/list.csv`,
      "file,n\nnight/bad.wav,1\nnone.wav,2\nnight/a.wav,3\n",
    );
    const result = await run([...LOW, "list.csv", "--json"]);
    equal(result.code, 1);
    ok(jsonLines<EventLine>(result).every(({ file }) => file === "night/a.wav"));
    match(result.stderr, /2 recordings could not be used:\n- .*bad\.wav.*\n- .*none\.wav/);
  });
});

Deno.test("detect that is ended leaves whole lines and says so by its code", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    const long = new Float32Array(8_000 * 600).map((_, i) => SOUND[i % 8_000]!);
    await writeFile(`${folder}/long.wav`, encodeWav(long, 8_000));
    let isEnded = false;
    const result = await cli([
      ...DETECT,
      ...LOW,
      "--hop-seconds",
      "0.01",
      "--began",
      "long.wav",
      "--json",
    ], {
      cwd: folder,
      onOutput: (_, child) => {
        if (!isEnded) child.kill("SIGTERM");
        isEnded = true;
      },
    });
    equal(result.code, 143, result.stderr);
    ok(jsonLines<EventLine>(result).length > 0);
    equal(result.stdout.at(-1), "\n");
  });
});

for (
  const [args, problem] of [
    [["--format", "parquet", "night"], /expected --output with --format parquet/],
    [["--format", "csv", "--json", "night"], /expected --json or --format/],
    [["--encoding", "s16", "-"], /expected --rate beside --encoding/],
    [
      ["--rate", "8000", "--encoding", "s17", "-"],
      /"--encoding": expected u8, s16, s24, s32, f32, found "s17"/,
    ],
    [["--threshold", "loud", "night"], /"--threshold": expected a score, or CLASS=SCORE/],
    [
      ["--output", "out", "night/a.wav", "other/a.wav"],
      /recordings of different names, found "night\/a.wav" and "other\/a.wav"/,
    ],
    [
      ["--window-seconds", "1000", "night"],
      /^Cannot detect: expected --window-seconds of at most/m,
    ],
    [[], /expected files, folders, lists or -, found none/],
  ] as const
) {
  Deno.test(`detect ${args.join(" ")} is refused`, async () => {
    await inFolder(async (run, folder) => {
      await writeFile(`${folder}/other/a.wav`, encodeWav(SOUND, 8_000));
      const { code, stderr } = await run([...args]);
      ok(code === 1 || code === 2, stderr);
      match(stderr, problem);
    });
  });
}

Deno.test("detect of nothing on standard input says so", async () => {
  await inFolder(async (run) => {
    const { code, stderr } = await run(["-"], { stdin: new Uint8Array() });
    equal(code, 1);
    match(stderr, /expected .*found/);
    await cliOk(["detect", "--help"]);
  });
});

Deno.test("detect names the flag of a setting that makes no sense, before it listens", async () => {
  await inFolder(async (run) => {
    const odd: [string[], RegExp][] = [
      [["--mean-windows", "2"], /^Cannot detect: expected --mean-windows an odd number, found 2$/m],
      [
        ["--threshold", "0.5", "--off-threshold", "0.9"],
        /expected --off-threshold at most the threshold 0\.5 of ".*", found 0\.9$/m,
      ],
      [
        ["--threshold", "cow=0.5"],
        /expected --threshold labels of the model \(.*\), found "cow"$/m,
      ],
    ];
    for (const [args, problem] of odd) {
      const { code, stderr } = await run([...args, "night"]);
      equal(code, 2, stderr);
      match(stderr, problem);
      doesNotMatch(stderr, /recordings? with/);
    }
  });
});

Deno.test("detect takes no header for bare samples, and says how a pipe of these is named", async () => {
  await inFolder(async (run) => {
    const named = await run(["--rate", "8000", "night/a.wav"]);
    equal(named.code, 1);
    match(
      named.stderr,
      /audio "night\/a\.wav": expected bare samples, found WAV\n- Leave out --rate, --encoding and --/,
    );
    const stdin = new Uint8Array(Int16Array.from(SOUND, (value) => Math.round(value * 99)).buffer);
    const bare = await run(["-"], { stdin });
    equal(bare.code, 1);
    match(bare.stderr, /found an unknown format .*\n- Of bare samples --rate has to be said/);
  });
});

Deno.test("detect fills up what is too short where it is told to", async () => {
  await inFolder(async (run, folder) => {
    await writeFile(`${folder}/click.wav`, encodeWav(SOUND.subarray(0, 10), 8_000));
    const refused = await run(["click.wav"]);
    equal(refused.code, 1);
    match(refused.stderr, /expected at least .* s of audio, .*\n- --last-window pad fills it up/);
    equal((await run(["--last-window", "pad", "click.wav"])).code, 0);
  });
});
