/**
 * Clips that are sent at a rate, whatever becomes of those before, and as fast as they are answered.
 *
 * @module
 */
import { Tally } from "./_tally.ts";

/** Sends one request; resolves with the status, 0 where there was no answer. */
export type Ask = () => Promise<number>;

/** How long a client waits. */
const PATIENCE_MS = 60_000;

/** Posts a body to a service. */
export function posting(url: string, body: Uint8Array<ArrayBuffer>): Ask {
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 512, poolIdleTimeout: 10_000 });
  return async () => {
    // `AbortSignal.timeout` would keep a timer of each request for a minute.
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
    try {
      const { signal } = patience;
      const answer = await fetch(url, { method: "POST", body, client, signal });
      await answer.body?.cancel();
      return answer.status;
    } catch {
      return 0;
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Sends at a rate until the time is over, and waits for the last answers. */
export async function sendAtRate(
  ask: Ask,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<Tally> {
  const tally = new Tally();
  const begun = performance.now();
  const open: Promise<void>[] = [];
  const count = Math.round(perSecond * seconds);
  for (let sent = 0; sent < count;) {
    const due = Math.floor((performance.now() - begun) * perSecond / 1_000);
    for (; sent < Math.min(count, due + 1); sent++) {
      open.push(timed(ask, begun + 1_000 * sent / perSecond, tally));
    }
    const nextMs = begun + 1_000 * sent / perSecond - performance.now();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, nextMs)));
  }
  await Promise.all(open);
  return tally;
}

/** As many clients as stated, each of which sends when it has been answered; a second is left out at the start. */
export async function sendInTurn(
  ask: Ask,
  { clients, seconds }: { clients: number; seconds: number },
): Promise<{ tally: Tally; perSecond: number }> {
  const tally = new Tally();
  const begun = performance.now() + 1_000;
  const end = begun + 1_000 * seconds;
  await Promise.all(Array.from({ length: clients }, async () => {
    while (performance.now() < end) {
      const sent = performance.now();
      await timed(ask, sent, sent < begun ? new Tally() : tally);
    }
  }));
  const took = (performance.now() - begun) / 1_000;
  return { tally, perSecond: tally.of(200) / took };
}

async function timed(ask: Ask, due: number, tally: Tally): Promise<void> {
  const status = await ask();
  tally.add({ status, ms: performance.now() - due });
}
