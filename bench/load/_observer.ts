/**
 * The service from outside: its memory, its counts, and how it answers probes meanwhile.
 *
 * @module
 */
import { Tally } from "./_tally.ts";

/** What was resident over time. */
export interface MemorySample {
  seconds: number;
  megabytes: number;
}

/** Megabytes that a process has in memory now. */
export async function residentMb(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(text.match(/^VmRSS:\s+(\d+) kB/m)![1]) * 1_024 / 1e6;
}

/** The most that it ever had. */
export async function highestMb(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(text.match(/^VmHWM:\s+(\d+) kB/m)![1]) * 1_024 / 1e6;
}

/** Milliseconds of processor time that all threads of a process have had. */
export async function processorMs(pid: number): Promise<number> {
  let nanoseconds = 0;
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    // A thread may end meanwhile.
    const text = await Deno.readTextFile(`/proc/${pid}/task/${name}/schedstat`).catch(() => "0");
    nanoseconds += Number(text.split(" ")[0]);
  }
  return nanoseconds / 1e6;
}

/** Answered requests of `POST /` by their status, as the service has counted them. */
export async function countedClips(url: string): Promise<Readonly<Record<number, number>>> {
  const text = await (await fetch(`${url}metrics`)).text();
  const lines = text.matchAll(/^earshot_requests_total\{route="\/",status="(\d+)"\} (\d+)/gm);
  return Object.fromEntries(Array.from(lines, ([, status, count]) => [status, Number(count)]));
}

const LOOK_MS = 250;

/** Looks again and again while work is done: at the memory, and how long `/livez` takes. */
export async function observed<T>(
  { url, pid }: { url: string; pid: number },
  work: Promise<T>,
): Promise<{ result: T; memory: MemorySample[]; probes: Tally }> {
  const begun = performance.now();
  const memory: MemorySample[] = [];
  const probes = new Tally();
  let isOver = false;
  const finished = work.finally(() => isOver = true);
  // Whoever awaits it below gets the error.
  finished.catch(() => {});
  while (!isOver) {
    const asked = performance.now();
    memory.push({ seconds: (asked - begun) / 1_000, megabytes: await residentMb(pid) });
    const status = await probe(`${url}livez`);
    probes.add({ status, ms: performance.now() - asked });
    await Promise.race([finished.catch(() => {}), pause(LOOK_MS)]);
  }
  return { result: await finished, memory, probes };
}

async function probe(url: string): Promise<number> {
  try {
    const answer = await fetch(url);
    await answer.body?.cancel();
    return answer.status;
  } catch {
    return 0;
  }
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
