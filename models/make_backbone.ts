/**
 * Makes `models/backbone` from recordings and teachers:
 *
 *     deno run -A models/make_backbone.ts --work DIR --words DIR --wake-words DIR --commands DIR --sounds DIR \
 *       --instruments DIR --speech-embedding DIR --yamnet FILE
 *
 * `docs/few_shots.md` says where these come from. What the teachers make of the recordings is computed once and kept
 * in `--work`, and so are checkpoints: the same command goes on where it was stopped. A source that is not named is
 * left out.
 *
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { listFolder, makeDirectory } from "../src/files.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { ASTFeatureExtractor } from "../src/features/mod.ts";
import { savePretrained } from "../src/pretrained.ts";
import { lessonsOf, RATE_HZ } from "./make_backbone/rendering.ts";
import { foldOf, heardClips, type SourceClip } from "./make_backbone/sources.ts";
import { CONFIG, finishedModel } from "./make_backbone/student.ts";
import { fillCache, lessonCache } from "./make_backbone/taught_lessons.ts";
import { run } from "./make_backbone/training.ts";
import type { LessonFacts } from "./make_backbone/training_worker.ts";
import { stateSource, type StudentState } from "./make_backbone/student_state.ts";

const OPTIONS = {
  work: { type: "string" },
  output: { type: "string" },
  words: { type: "string" },
  "wake-words": { type: "string" },
  commands: { type: "string" },
  sounds: { type: "string" },
  instruments: { type: "string" },
  "speech-embedding": { type: "string" },
  yamnet: { type: "string" },
  /** Leaves YAMNet out, whose licence is known from its authors' page alone. */
  "without-yamnet": { type: "boolean", default: false },
  /** Further folds of the sounds that are kept back, to choose settings by. */
  "unheard-folds": { type: "string", default: "" },
  steps: { type: "string", default: "9000" },
  seed: { type: "string", default: "20261130" },
  /** A backbone of the same shape and labels to go on from. */
  from: { type: "string" },
  workers: { type: "string", default: String(navigator.hardwareConcurrency) },
} as const;

if (import.meta.main) await make();

async function make(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS });
  const { work, "speech-embedding": speechEmbedding } = values;
  if (!work || !speechEmbedding || !values.yamnet === !values["without-yamnet"]) {
    throw new RangeError(
      "Cannot make a backbone: expected --work, --speech-embedding, and --yamnet or --without-yamnet",
    );
  }
  const [steps, seed] = [Number(values.steps), Number(values.seed)];
  const clips = (await heardClips({ ...values, wake_words: values["wake-words"] }))
    .filter((clip) => !isKeptBack(clip, values["unheard-folds"]));
  const plan = lessonsOf(clips, seed);
  const teachers = { yamnet: values.yamnet, speechEmbedding };
  const cache = await lessonCache(join(work, "lessons"), plan, teachers);
  console.log(
    `${clips.length} recordings, ${plan.length} lessons; what is computed is in ${cache}`,
  );
  await fillCache(plan, {
    cache,
    teachers,
    workers: Number(values.workers),
    onProgress: (done, of) => console.log(`Asked the teachers: ${done} of ${of}`),
  });
  const folder = join(work, "training");
  await makeDirectory(folder);
  const output = values.output ?? new URL("backbone", import.meta.url).pathname;
  await startWasm({ threads: 1 });
  await run({
    cache,
    plan,
    folder,
    steps,
    seed,
    from: values.from,
    copies: Number(values.workers),
    onStart: ({ hours, labels }) =>
      console.log(`${hours.toFixed(1)} hours, ${labels.length} labels, ${values.workers} copies`),
    onProgress: (step, { labels, numbers, tokens, scores }, seconds) => {
      const losses = [labels, numbers, tokens, scores].map((loss) => loss.toFixed(4)).join(" ");
      console.log(`Step ${step} of ${steps}: ${losses}, ${seconds.toFixed(0)} s`);
    },
    onCheckpoint: (state, facts) => save(state, { work, output, facts }),
  });
}

function isKeptBack({ source, file }: SourceClip, folds: string): boolean {
  return source === "sounds" && folds.split(",").includes(foldOf(file));
}

/** Writes the backbone as it is now; the card beside it is written by hand and stays. */
async function save(
  state: StudentState,
  { work, output, facts: { labels, scale } }: { work: string; output: string; facts: LessonFacts },
): Promise<void> {
  const model = await finishedModel(stateSource(state), labels);
  const extractor = new ASTFeatureExtractor({
    samplingRate: RATE_HZ,
    numMelBins: CONFIG.num_mel_bins,
    maxLength: CONFIG.max_length,
    mean: scale.mean,
    std: scale.std,
  });
  try {
    const folder = join(work, "backbone");
    await savePretrained(folder, model, extractor, { dtype: "float16", replace: true });
    await makeDirectory(output);
    const { files } = await listFolder(folder);
    for (const file of files) await Deno.copyFile(join(folder, file), join(output, file));
  } finally {
    model.dispose();
  }
}
