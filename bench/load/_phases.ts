/**
 * What is asked of a service under load, one phase after the other, and what has to come of it.
 *
 * @module
 */
import type { RunningService } from "../../test/edge/_processes.ts";
import { clip } from "./_clips.ts";
import { type Finding, milliseconds } from "./_finding.ts";
import { type HostileRequest, hostileRequests } from "./_hostile.ts";
import { NuisanceClients } from "./_nuisance.ts";
import { countedClips, highestMb, observed, pause, processorMs } from "./_observer.ts";
import { type Ask, posting, sendAtRate, sendInTurn } from "./_traffic.ts";
import { median, Tally } from "./_tally.ts";

/** How long, how fast. */
export interface LoadPlan {
  /** Requests a second; half of the capacity where it is not stated. */
  rate?: number;
  capacitySeconds: number;
  steadySeconds: number;
  overloadSeconds: number;
  hostileSeconds: number;
  /** What asks the service to end; without it that is not tried. */
  endSignal?: Deno.Signal;
}

/** What one phase hands to the next. */
interface Load {
  service: RunningService;
  ask: Ask;
  plan: LoadPlan;
  rate: number;
  /** Of a service that has nothing else to do. */
  unloadedP99: number;
  /** What the service says of itself. */
  queueLimit: number;
}

const CLIENTS = 8;
const OVERLOAD = 10;
const GOOD_PER_SECOND = 10;
const MAX_GROWTH_MB = 5;
const MAX_PROBE_MS = { steady: 50, overload: 250 };
const MAX_GOOD_MS = 1_000;
const MAX_REFUSAL_MS = 50;
const REFUSAL_TRIES = 5;
const FIRST_MINUTE = 4;
/** Long enough that some are computed, and some wait, when the service is asked to end. */
const LAST_CLIP_SECONDS = 20;
const MAX_END_MS = 5_000;

/** How many clips a second are answered, when as many clients ask as keep it busy. */
export async function capacityOf(url: string, seconds: number): Promise<number> {
  return (await sendInTurn(posting(url, clip()), { clients: CLIENTS, seconds })).perSecond;
}

/** All phases. */
export async function* loaded(
  service: RunningService,
  plan: LoadPlan,
): AsyncGenerator<Finding, void, void> {
  const ask = posting(service.url, clip());
  const alone = await sendInTurn(ask, { clients: 1, seconds: Math.min(5, plan.capacitySeconds) });
  const capacity = await capacityOf(service.url, plan.capacitySeconds);
  yield { phase: "capacity", what: "clips a second", found: capacity.toFixed(1) };
  const unloadedP99 = alone.tally.quantile(0.99);
  yield { phase: "capacity", what: "one client, p99", found: milliseconds(unloadedP99) };
  const rate = plan.rate ?? capacity / 2;
  const queueLimit = await gauge(service.url, "queue_limit");
  const load: Load = { service, ask, plan, rate, unloadedP99, queueLimit };
  if (plan.steadySeconds > 0) yield* steady(load);
  if (plan.overloadSeconds > 0) yield* overload(load);
  if (plan.hostileSeconds > 0) yield* hostile(load);
  const most = `${(await highestMb(service.pid)).toFixed(0)} MB`;
  yield { phase: "all", what: "most that was ever resident", found: most };
  if (plan.endSignal) yield* ending(service, plan.endSignal);
}

async function* steady({ service, ask, plan, rate }: Load): AsyncGenerator<Finding> {
  const phase = "steady";
  yield { phase, what: "clips a second that are sent", found: rate.toFixed(1) };
  const before = await countedClips(service.url);
  const work = sendAtRate(ask, { perSecond: rate, seconds: plan.steadySeconds });
  const { result, memory, probes } = await observed(service, work);
  yield { phase, what: "answers", found: `${result}`, isRight: result.of(200) === result.count };
  yield { phase, what: "p50, p99", found: times(result) };
  yield probeFinding(phase, probes, MAX_PROBE_MS.steady);
  yield await countsFinding(phase, service.url, before, result);
  const within = (from: number, to: number) =>
    memory.filter(({ seconds }) => seconds >= from && seconds < to).map((one) => one.megabytes);
  const last = within(plan.steadySeconds - 60, Infinity);
  const first = within(60 * (FIRST_MINUTE - 1), 60 * FIRST_MINUTE);
  if (plan.steadySeconds < 60 * (FIRST_MINUTE + 1)) {
    const third = plan.steadySeconds / 3;
    const [from, to] = [median(within(0, third)), median(within(2 * third, Infinity))];
    const found = `${from.toFixed(0)}, ${to.toFixed(0)} MB`;
    return yield { phase, what: "resident in the first third, in the last", found };
  }
  const growth = median(last) - median(first);
  yield {
    phase,
    what: `resident in the last minute, beside minute ${FIRST_MINUTE}`,
    found: `${median(last).toFixed(0)} MB, ${growth.toFixed(1)} MB more`,
    isRight: growth <= MAX_GROWTH_MB,
  };
}

async function* overload(load: Load): AsyncGenerator<Finding> {
  const { service, ask, plan, rate, unloadedP99, queueLimit } = load;
  const phase = "overload";
  const before = await countedClips(service.url);
  const perSecond = OVERLOAD * rate;
  yield { phase, what: "clips a second that are sent", found: perSecond.toFixed(0) };
  const work = sendAtRate(ask, { perSecond, seconds: plan.overloadSeconds });
  const busyBefore = await processorMs(service.pid);
  const { result, probes } = await observed(service, work);
  const after = performance.now();
  const costMs = (await processorMs(service.pid) - busyBefore) / result.count;
  const statuses = Object.keys(result.statuses).map(Number);
  const areAllowed = statuses.every((status) => [200, 429, 503].includes(status));
  yield { phase, what: "answers", found: `${result}`, isRight: areAllowed };
  // A full queue, at the rate of the steady phase: while it refuses so many the service has half of its core left.
  const queueMs = 1_000 * queueLimit / rate;
  const bound = 2 * unloadedP99 + queueMs;
  const p99 = result.quantile(0.99);
  yield {
    phase,
    what: "p99 of those answered",
    found: `${milliseconds(p99)}, at most ${milliseconds(bound)}`,
    isRight: p99 <= bound,
  };
  const perSecondAnswered = result.of(200) / plan.overloadSeconds;
  yield { phase, what: "answered a second", found: perSecondAnswered.toFixed(1) };
  yield { phase, what: "p99 of those refused", found: milliseconds(result.quantile(0.99, 503)) };
  yield { phase, what: "processor time of the service a request", found: milliseconds(costMs) };
  yield probeFinding(phase, probes, MAX_PROBE_MS.overload);
  yield await countsFinding(phase, service.url, before, result);
  yield await recovery(load, after);
}

/** When the service answers again as if nothing had been. */
async function recovery({ ask, unloadedP99 }: Load, after: number): Promise<Finding> {
  for (let i = 0; i < 1_000; i++) {
    const sent = performance.now();
    const status = await ask();
    const now = performance.now();
    if (status === 200 && now - sent <= 2 * unloadedP99) {
      const found = milliseconds(now - after);
      return { phase: "after", what: "recovered", found, isRight: now - after <= 1_000 };
    }
  }
  return { phase: "after", what: "recovered", found: "never", isRight: false };
}

/** How soon a file that would unfold is refused by a service that has nothing else to do. */
async function refusal({ service }: Load, { name, send }: HostileRequest): Promise<Finding> {
  const tries: { ms: number; processor: number; status: number }[] = [];
  for (let i = 0; i < REFUSAL_TRIES; i++) {
    const before = await processorMs(service.pid);
    const sent = performance.now();
    const { status } = await send(service.url);
    const ms = performance.now() - sent;
    tries.push({ ms, processor: await processorMs(service.pid) - before, status });
  }
  const { ms, processor, status } = tries.sort((a, b) => a.ms - b.ms)[REFUSAL_TRIES >> 1]!;
  return {
    phase: "refusal",
    what: `${name}, at most ${MAX_REFUSAL_MS} ms`,
    found: `${status} in ${milliseconds(ms)}, ${milliseconds(processor)} of processor time`,
    isRight: ms <= MAX_REFUSAL_MS,
  };
}

async function* hostile(load: Load): AsyncGenerator<Finding> {
  const { service, ask, plan } = load;
  const phase = "hostile";
  const list = await hostileRequests();
  for (const request of list.filter(({ unfolds }) => unfolds)) yield await refusal(load, request);
  const before = await countedClips(service.url);
  const clients = new NuisanceClients(service.url);
  await clients.start({
    slowBodies: 64,
    idleConnections: 500,
    halfHeaders: 1_000,
    abortedUploads: 50,
  });
  const connected = clients.count;
  yield { phase, what: "connections that give nothing", found: String(connected) };
  const good = sendAtRate(ask, { perSecond: GOOD_PER_SECOND, seconds: plan.hostileSeconds });
  const observing = observed(service, good);
  for (const { name, allowed, says, send } of list) {
    const sent = performance.now();
    const { status, text } = await send(service.url);
    const isRight = allowed.includes(status) && (says?.test(text) ?? true);
    yield {
      phase,
      what: name,
      found: `${status} in ${milliseconds(performance.now() - sent)}`,
      isRight,
    };
  }
  const { result, probes } = await observing;
  await clients.end();
  const p99 = result.quantile(0.99);
  yield {
    phase,
    what: "good requests",
    found: `${result}; ${times(result)}`,
    isRight: result.of(200) === result.count && p99 <= MAX_GOOD_MS,
  };
  yield probeFinding(phase, probes, MAX_PROBE_MS.overload);
  const counted = await countedClips(service.url);
  const more = (counted[200] ?? 0) - (before[200] ?? 0);
  yield {
    phase,
    what: "answers of 200 that /metrics has",
    found: String(more),
    // Some of the hostile list are answered, too.
    isRight: more >= result.of(200),
  };
}

/** What is in hand is answered, the rest refused, and an unfinished body is not waited for. */
async function* ending(
  service: RunningService,
  signal: Deno.Signal,
): AsyncGenerator<Finding, void, void> {
  const phase = `${signal}`;
  const clients = new NuisanceClients(service.url);
  await clients.start({ slowBodies: 1, idleConnections: 1, halfHeaders: 0, abortedUploads: 0 });
  const ask = posting(service.url, clip({ seconds: LAST_CLIP_SECONDS }));
  const answers = Promise.all(Array.from({ length: CLIENTS }, ask));
  let areDone = false;
  answers.then(() => areDone = true);
  while (!areDone && await gauge(service.url, "queue_length") < CLIENTS) await pause(1);
  const asked = performance.now();
  const { code } = await service.end(signal);
  const endMs = performance.now() - asked;
  const tally = new Tally();
  for (const status of await answers) tally.add({ status, ms: 0 });
  await clients.end();
  yield {
    phase,
    what: `${CLIENTS} clips of ${LAST_CLIP_SECONDS} s in hand`,
    found: `${tally}`,
    isRight: tally.of(200) === tally.count,
  };
  yield {
    phase,
    what: `ended, with a body that is not, in at most ${MAX_END_MS} ms`,
    found: `${code} in ${milliseconds(endMs)}`,
    isRight: code === 0 && endMs <= MAX_END_MS,
  };
}

async function countsFinding(
  phase: string,
  url: string,
  before: Readonly<Record<number, number>>,
  tally: Tally,
): Promise<Finding> {
  const after = await countedClips(url);
  const statuses = Object.keys({ ...after, ...tally.statuses }).map(Number);
  const differing = statuses.filter((status) => {
    return status > 0 && (after[status] ?? 0) - (before[status] ?? 0) !== tally.of(status);
  });
  return {
    phase,
    what: "/metrics beside the client's counts",
    found: differing.length === 0 ? "the same" : `other for ${differing.join(", ")}`,
    isRight: differing.length === 0,
  };
}

function probeFinding(phase: string, probes: Tally, most: number): Finding {
  const p99 = probes.quantile(0.99);
  const isRight = probes.of(200) === probes.count && p99 <= most;
  return { phase, what: `/livez, p99, at most ${most} ms`, found: milliseconds(p99), isRight };
}

async function gauge(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}metrics`)).text();
  return Number(text.match(new RegExp(`^earshot_${name} (\\d+)`, "m"))?.[1]);
}

function times(tally: Tally): string {
  return `${milliseconds(tally.quantile(0.5))}, ${milliseconds(tally.quantile(0.99))}`;
}
