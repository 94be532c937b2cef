/**
 * How much memory a bundle takes when many long recordings are posted at once, of every kind that unfolds.
 *
 * @module
 */
import { bundle } from "../../src/commands/bundle.ts";
import { fixture } from "../../test/audio/fixtures.ts";
import { concat } from "../../test/audio/wav_file.ts";
import { whileRunning } from "../../test/edge/_processes.ts";
import { clip } from "./_clips.ts";
import { type Finding, milliseconds, reported } from "./_finding.ts";
import { silentOpus } from "./_hostile.ts";
import { highestMb } from "./_observer.ts";
import { startCommand } from "./_services.ts";
import { silentFlac } from "./_silent_flac.ts";
import { Tally } from "./_tally.ts";
import { posting } from "./_traffic.ts";

/** A model, and what its bundle may take. */
export interface BoundedModel {
  /** As it is called. */
  name: string;
  /** Its directory. */
  model: string;
  /** Resident, in megabytes. */
  maxMb: number;
}

const MB = 1e6;
/** 160 s of 128 kbit/s in two channels, which is just less than may unfold. */
const MP3_BYTES = 2.6 * MB;
/** The same at 48 kHz with one channel. */
const LONG_SECONDS = 340;
const ALLOWED = [200, 413, 422, 503];

/** Posts waves of long recordings, each wave at once. */
export function memoryUnder(
  { name, model, maxMb }: BoundedModel,
  folder: string,
): AsyncGenerator<Finding> {
  const cwd = `${folder}/${name.replaceAll(/\W/g, "_")}`;
  return reported(async (report) => {
    await bundle({ model, output: cwd });
    await whileRunning(await startCommand(cwd), async (url, { pid }) => {
      for (const [what, bodies] of Object.entries(await waves())) {
        const begun = performance.now();
        const tally = await postedAtOnce(url, bodies);
        const most = await highestMb(pid);
        const statuses = Object.keys(tally.statuses).map(Number);
        report({
          phase: `${name}, at most ${maxMb} MB`,
          what,
          found: `${most.toFixed(0)} MB, ${tally}, ${milliseconds(performance.now() - begun)}`,
          isRight: most <= maxMb && statuses.every((status) => ALLOWED.includes(status)),
        });
      }
    });
  });
}

async function postedAtOnce(url: string, bodies: Uint8Array<ArrayBuffer>[]): Promise<Tally> {
  const tally = new Tally();
  await Promise.all(bodies.map(async (body) => {
    const sent = performance.now();
    const status = await posting(url, body)();
    tally.add({ status, ms: performance.now() - sent });
  }));
  return tally;
}

async function waves(): Promise<Readonly<Record<string, Uint8Array<ArrayBuffer>[]>>> {
  const many = (count: number, body: Uint8Array) => {
    return Array.from({ length: count }, () => body.slice());
  };
  const file = new Uint8Array(await fixture("mpeg1.mp3"));
  const mp3 = concat(...many(Math.floor(MP3_BYTES / file.length), file));
  const flac = silentFlac({ rateHz: 48_000, channels: 1, seconds: LONG_SECONDS });
  return {
    "24 WAV of 59 s": many(24, clip({ seconds: 59, rateHz: 16_000 })),
    "6 WAV of 5.5 MB": many(6, clip({ seconds: 57, rateHz: 48_000 })),
    [`4 MP3 of ${(mp3.length / MB).toFixed(1)} MB`]: many(4, mp3),
    [`8 FLAC of ${LONG_SECONDS} s of silence`]: many(8, flac),
    [`8 Opus of ${LONG_SECONDS} s`]: many(8, silentOpus(LONG_SECONDS)),
  };
}
