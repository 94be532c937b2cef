/**
 * How the loopback hub misbehaves when a test asks for it.
 *
 * @module
 */

/** What goes wrong with an answer. */
export type Fault =
  /** One byte of the body is another, the length is right. */
  | { kind: "flip"; at?: number }
  /** The body ends early; `honest` says so in the length, otherwise the connection breaks. */
  | { kind: "short"; bytes: number; honest?: boolean }
  /** Nothing but a status, with headers such as Retry-After. */
  | { kind: "status"; status: number; headers?: Record<string, string>; body?: string }
  /** Sent on to another address. */
  | { kind: "redirect"; to: string; status?: number }
  /** The body stops after some bytes, and the connection stays; `onStall` is called then. */
  | { kind: "stall"; bytes: number; onStall?: () => void };

/** A fault, and the requests that it befalls. */
export interface Misbehaviour {
  /** What the path has to contain, or match. */
  path: string | RegExp;
  /** @default any but HEAD */
  method?: string;
  /** How often. @default always */
  times?: number;
  fault: Fault;
}

/** The fault that is due for a request, one fewer of it being left. */
export function takeFault(
  list: Misbehaviour[],
  method: string,
  path: string,
): Fault | undefined {
  const index = list.findIndex((each) =>
    (each.method ? each.method === method : method !== "HEAD") &&
    (typeof each.path === "string" ? path.includes(each.path) : each.path.test(path))
  );
  const found = list[index];
  if (!found) return undefined;
  if (found.times !== undefined && --found.times <= 0) list.splice(index, 1);
  return found.fault;
}

/** The answer in place of a good one; `signal` ends a stalled body. */
export async function spoil(
  fault: Fault,
  answer: () => Response | Promise<Response>,
  signal: AbortSignal,
): Promise<Response> {
  if (fault.kind === "status") {
    return new Response(fault.body ?? null, { status: fault.status, headers: fault.headers });
  }
  if (fault.kind === "redirect") {
    const { status = 302, to } = fault;
    return new Response(null, { status, headers: { Location: to } });
  }
  const good = await answer();
  if (!good.ok) return good;
  const bytes = new Uint8Array(await good.arrayBuffer());
  const { status } = good;
  const headers = new Headers(good.headers);
  if (fault.kind === "flip") {
    if (bytes.length > 0) bytes[(fault.at ?? 0) % bytes.length]! ^= 0x10;
    return new Response(bytes, { status, headers });
  }
  const sent = bytes.subarray(0, fault.bytes);
  if (fault.kind === "short" && fault.honest) {
    headers.set("Content-Length", String(sent.length));
    return new Response(sent, { status, headers });
  }
  const stalled = async () => {
    if (fault.kind !== "stall" || signal.aborted) return;
    const ended = new Promise((resolve) => {
      signal.addEventListener("abort", resolve, { once: true });
    });
    fault.onStall?.();
    await ended;
  };
  return new Response(brokenBody(sent, stalled), { status, headers });
}

/** Sends bytes and then nothing: first until `stalled` is over, then as an error. */
function brokenBody(
  bytes: Uint8Array,
  stalled: () => Promise<void>,
): ReadableStream<Uint8Array> {
  let isSent = false;
  return new ReadableStream({
    async pull(controller) {
      if (!isSent) {
        isSent = true;
        if (bytes.length > 0) return controller.enqueue(bytes);
      }
      await stalled();
      // Fewer bytes than the length that was promised: the server drops the connection.
      controller.close();
    },
  });
}
