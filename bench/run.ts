/**
 * Runs one bench: `deno run -P=bench bench/run.ts QUESTION [options] [--json] [--record]`.
 *
 * Without a question it lists all of them, `--help` after one lists its options. `--record` adds what was found to the
 * history that `deno task bench:report` draws. Exit code 2 where an option is wrong, 1 where measuring fails.
 *
 * @module
 */
import { appendRecord, type BenchRow, headings, HISTORY, lineOf, recordOf } from "./_records.ts";
import { type Notes, OptionError, Options, type OptionSpecs, type Question } from "./_question.ts";

/** All benches; each is loaded when it is asked for. */
const QUESTIONS: Readonly<Record<string, () => Promise<{ question: Question }>>> = {
  "kernels": () => import("./kernels.ts"),
  "infer": async () => ({ question: (await import("./whole_models.ts")).infer }),
  "train": async () => ({ question: (await import("./whole_models.ts")).train }),
  "job": () => import("./whole_job.ts"),
  "first-answer": () => import("./first_answer.ts"),
  "loading": () => import("./loading.ts"),
  "data-rows": () => import("./data_rows.ts"),
  "data-wait": () => import("./data_wait.ts"),
  "audio": () => import("./audio.ts"),
  "decoding": () => import("./decoding.ts"),
  "detect": () => import("./detect.ts"),
  "overlap": () => import("./overlap.ts"),
  "unknown": () => import("./unknown.ts"),
  "detect-memory": () => import("./detect_memory.ts"),
  "learning": () => import("./learning.ts"),
  "architectures": () => import("./architectures.ts"),
  "published": () => import("./published.ts"),
  "webgpu-step": () => import("./webgpu_step.ts"),
  "gpu": () => import("./gpu.ts"),
  "costs": () => import("./model_costs.ts"),
  "live": () => import("./live.ts"),
  "few-shots": () => import("./few_shots.ts"),
  "heads": () => import("./heads.ts"),
  "operations": () => import("./operations.ts"),
};

const SHARED: OptionSpecs = {
  json: { help: "print rows as JSON lines" },
  record: { help: "add what is found to the history" },
  help: { help: "list the options" },
};

async function listQuestions(): Promise<void> {
  for (const [name, load] of Object.entries(QUESTIONS)) {
    console.log(`${name.padEnd(14)} ${(await load()).question.asks}`);
  }
}

function listOptions({ asks, options }: Question): void {
  console.log(asks);
  for (const [name, spec] of Object.entries({ ...options, ...SHARED })) {
    console.log(`  --${name.padEnd(10)} ${spec.help}${spec.default ? ` (${spec.default})` : ""}`);
  }
}

/** Notes for people on standard error, so that the rows alone are on standard output. */
function notesFor(quiet: boolean): Notes {
  if (quiet) return { line: () => {}, progress: () => {} };
  const isTerminal = Deno.stderr.isTerminal();
  const write = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  return {
    line: (text) => void write(`${text}\n`),
    progress: (text) => {
      if (isTerminal) write(`\r\x1b[K${text}`);
      else if (text !== "") write(`${text}\n`);
    },
  };
}

async function run(name: string, args: readonly string[]): Promise<void> {
  const load = QUESTIONS[name];
  if (!load) throw new OptionError(`a question of ${Object.keys(QUESTIONS).join(", ")}`, name);
  const { question } = await load();
  const options = new Options(args, { ...question.options, ...SHARED });
  if (options.flag("help")) return listOptions(question);
  const json = options.flag("json");
  const rows: BenchRow[] = [];
  if (!json) console.log(headings());
  const notes = notesFor(json);
  for await (const row of question.answer(options, notes)) {
    notes.progress("");
    rows.push(row);
    console.log(json ? JSON.stringify(row) : lineOf(row));
  }
  if (!options.flag("record")) return;
  await appendRecord(await recordOf(name, rows));
  if (!json) console.log(`${rows.length} rows added to ${HISTORY}`);
}

try {
  const [name, ...args] = Deno.args;
  if (name === undefined) await listQuestions();
  else await run(name, args);
} catch (error) {
  if (!(error instanceof Error)) throw error;
  console.error(error.message);
  Deno.exitCode = error instanceof OptionError ? 2 : 1;
}
