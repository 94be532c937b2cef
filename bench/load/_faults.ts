/**
 * A thread of inference that traps, has no memory or hangs, beside clips that have nothing to do with it.
 *
 * @module
 */
import { concat } from "../../test/audio/wav_file.ts";
import { type RunningService, whileRunning } from "../../test/edge/_processes.ts";
import { BREAKS } from "../../test/breaking.ts";
import { MARK } from "./_breaking_thread.ts";
import { clip } from "./_clips.ts";
import { type Finding, milliseconds, reported } from "./_finding.ts";
import { pause, processorMs } from "./_observer.ts";
import { posting, sendAtRate } from "./_traffic.ts";

const GOOD_PER_SECOND = 5;
/** A thread that hangs is given up after 5 s; whoever waits behind it is answered after that. */
const GOOD_SECONDS = { trap: 3, memory: 3, hang: 9 };
const MAX_ANSWER_MS = 30_000;
const MAX_START_MS = 1_000;

/** What becomes of the clip, of the others, and how soon there is a thread again. */
export function faults(model: string): AsyncGenerator<Finding> {
  const script = new URL("_breaking_service.ts", import.meta.url).pathname;
  const args = ["run", "--quiet", "--no-check", "-A", script, model];
  return reported(async (report) => {
    await whileRunning({ args, cwd: Deno.cwd() }, async (_, service) => {
      for (const name of Object.keys(BREAKS) as (keyof typeof BREAKS)[]) {
        (await broken(service, name)).forEach(report);
      }
    });
  });
}

async function broken({ url, pid }: RunningService, name: keyof typeof BREAKS): Promise<Finding[]> {
  const phase = `a thread: ${name}`;
  const good = posting(url, clip());
  const bad = posting(url, concat(clip(), MARK, Uint8Array.of(BREAKS[name])).slice());
  await good();
  const others = sendAtRate(good, { perSecond: GOOD_PER_SECOND, seconds: GOOD_SECONDS[name] });
  await pause(500);
  const sent = performance.now();
  const status = await bad();
  const answered = performance.now();
  const busyBefore = await processorMs(pid);
  while (await good() !== 200);
  const startMs = performance.now() - answered;
  // One that hangs computes meanwhile; one that has ended takes its time along, which can leave less than before.
  const busyMs = name === "hang" ? NaN : await processorMs(pid) - busyBefore;
  const tally = await others;
  return [{
    phase,
    what: "its clip is answered",
    found: `${status} after ${milliseconds(answered - sent)}`,
    isRight: (status === 500 || status === 503) && answered - sent <= MAX_ANSWER_MS,
  }, {
    phase,
    what: `from there to the next clip's answer, at most ${MAX_START_MS} ms`,
    found: busyMs > 0
      ? `${milliseconds(startMs)}, ${milliseconds(busyMs)} of processor time`
      : milliseconds(startMs),
    isRight: startMs <= MAX_START_MS,
  }, {
    phase,
    what: "clips beside it",
    found: `${tally}`,
    isRight: tally.of(200) === tally.count,
  }];
}
