/**
 * The model in a service: clips are posted, live sound goes over a WebSocket.
 *
 * @module
 */
import {
  type Engine,
  EngineError,
  type EngineTeaching,
  type Heard,
  type Listener,
  type LiveSound,
  type NamedFile,
} from "./engine.ts";
import { unzip } from "./zip.ts";

const TOP = 5;
/** Bytes that a stream may be ahead of what was heard; the service cuts off at twice as much. */
const MAX_AHEAD = 2 ** 20;

/** What `GET /` says. */
interface About {
  labels?: string[];
  heads?: string[];
  teaching?: boolean;
}

/**
 * Asks a service what it has; the model is loaded then.
 *
 * @param base where the service is, with a slash at its end.
 * @param key gives the key to send, where one was typed in.
 */
export async function serviceEngine(base: URL, key: () => string): Promise<Engine> {
  const ask = (path: string, init: RequestInit = {}) => request(new URL(path, base), init, key());
  const { heads } = await (await ask("heads")).json() as { heads: { name: string }[] };
  const { labels = [], teaching } = await (await ask("./")).json() as About;
  const names = heads.map(({ name }) => name);
  return {
    about: labels.length > 0 ? `${labels.length} classes: ${shortened(labels)}` : "A backbone",
    privacy: `Recordings go to ${base.host} and nowhere else; it keeps none of them.`,
    labels,
    heads: () => names,
    classify: async (clip, head) => {
      const response = await ask(withHead(`./?top_k=${TOP}`, head), { method: "POST", body: clip });
      return await response.json();
    },
    detect: async (recording, listener) => {
      const path = withHead(`detect?scores=true&top_k=${TOP}`, listener.head);
      const { signal } = listener;
      const response = await ask(path, { method: "POST", body: recording, signal });
      for await (const line of lines(response)) tell(JSON.parse(line), listener);
    },
    listen: (sound, listener) => listen(base, sound, { ...listener, key: key() }),
    teaching: teaching ? serviceTeaching(ask, names) : undefined,
  };
}

type Ask = (path: string, init?: RequestInit) => Promise<Response>;

function serviceTeaching(ask: Ask, names: string[]): EngineTeaching {
  const secret = (token: string) => ({ Authorization: `Bearer ${token}` });
  return {
    needsToken: true,
    add: async (head, { label, clip, token }) => {
      const path = `heads/${encodeURIComponent(head)}/examples?label=${encodeURIComponent(label)}`;
      await ask(path, { method: "POST", body: clip, headers: secret(token) });
    },
    train: async (head, token): Promise<NamedFile[]> => {
      // The service fits a head anew with each example; what is left is to fetch it.
      const path = `heads/${encodeURIComponent(head)}/files`;
      const response = await ask(path, { headers: secret(token) });
      if (!names.includes(head)) names.push(head);
      return unzip(new Uint8Array(await response.arrayBuffer()));
    },
  };
}

async function request(url: URL, init: RequestInit, key: string): Promise<Response> {
  const headers = { ...init.headers, ...key && { "x-api-key": key } };
  const response = await fetch(url, { ...init, headers }).catch((error) => {
    init.signal?.throwIfAborted();
    throw new EngineError(`The service does not answer (${error.message})`);
  });
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({})) as { error?: string };
  throw new EngineError(error ?? `The service answered with status ${response.status}`, {
    wantsKey: response.status === 401 && !("Authorization" in headers),
  });
}

function withHead(path: string, head?: string): string {
  return head === undefined ? path : `${path}&head=${encodeURIComponent(head)}`;
}

async function* lines(response: Response): AsyncGenerator<string> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const [...whole] = (rest + next.value).split("\n");
    rest = whole.pop()!;
    yield* whole.filter((line) => line !== "");
  }
  if (rest !== "") yield rest;
}

/** A line of `/detect` or a message of `/stream`. */
interface Finding {
  type?: string;
  error?: string;
  start: number;
  end: number;
  label?: string;
  score: number;
  scores?: Heard[];
  bytes?: number;
}

function tell(found: Finding, listener: Listener): void {
  const { start, end, label, score, scores, error } = found;
  if (error !== undefined) throw new EngineError(error);
  if (scores) listener.window({ start, end, best: scores });
  else if (label !== undefined) listener.event({ start, end, label, score });
}

/** A page can send no header with a WebSocket: the key goes as a subprotocol, in base64url. */
function subprotocols(key: string): string[] {
  if (key === "") return [];
  const text = btoa(key).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return ["earshot", `key.${text}`];
}

/** Sends 16-bit samples, and leaves some out where the service does not keep up. */
async function listen(
  base: URL,
  sound: LiveSound,
  listener: Listener & { key: string },
): Promise<void> {
  const rate = Math.round(sound.samplingRate);
  const options = `rate=${rate}&encoding=s16&scores=true&progress=true&top_k=${TOP}`;
  const url = new URL(withHead(`stream?${options}`, listener.head), base);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url, subprotocols(listener.key));
  const over = Promise.withResolvers<void>();
  let [sent, heard] = [0, 0];
  let failure: string | undefined;
  socket.onmessage = ({ data }) => {
    const found = JSON.parse(data) as Finding;
    if (found.type === "progress") heard = found.bytes!;
    else if (found.type === "error") failure = found.error;
    else if (found.type === "event" || found.type === "scores") tell(found, listener);
  };
  socket.onclose = ({ code, reason }) => {
    if (code === 1000 || listener.signal.aborted) return over.resolve();
    over.reject(new EngineError(failure ?? (reason || "The service cannot be spoken to")));
  };
  listener.signal.addEventListener("abort", () => socket.close());
  const opened = new Promise((resolve) => socket.onopen = resolve);
  const sending = (async () => {
    await opened;
    for await (const piece of sound) {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (sent - heard > MAX_AHEAD) continue;
      const bytes = Int16Array.from(piece, (x) => 32_767 * Math.max(-1, Math.min(1, x)));
      socket.send(bytes);
      sent += bytes.byteLength;
    }
    socket.send('{"end":true}');
  })();
  sending.catch(over.reject);
  await over.promise;
}

/** The first of some names. */
export function shortened(names: readonly string[]): string {
  const shown = names.slice(0, 6).join(", ");
  return names.length > 6 ? `${shown} …` : shown;
}
