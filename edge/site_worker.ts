/**
 * The worker of a site: the model of the folder beside it, on WASM.
 *
 * @module
 */
import "./_tfjs_platform.ts";
import { type HeadedClassifier, pipeline, webModelFiles } from "../src/browser/mod.ts";
import type { Asked, Loaded, More, Said, SiteFacts } from "./site_messages.ts";

const TOP = 5;
/** Longer clips are heard in windows, whose mean is given. */
const MAX_SECONDS = 30;

let loading: Promise<HeadedClassifier> | undefined;

const scope = globalThis as unknown as { onmessage(event: MessageEvent<Asked>): void };

scope.onmessage = ({ data, ports }: MessageEvent<Asked>) => {
  const port = ports[0]!;
  const say = (said: Said) => port.postMessage(said);
  answer(data, port, say).then(
    (value) => say({ kind: "done", value }),
    (error) => say({ kind: "failed", message: String(error?.message ?? error) }),
  );
};

async function answer(asked: Asked, port: MessagePort, say: (said: Said) => void) {
  if (asked.kind === "load") return await loaded(say);
  const classifier = await loading!;
  switch (asked.kind) {
    case "classify":
      return await classifier(asked.clip, { topK: TOP, head: asked.head });
    case "features":
      return await classifier.heads.features(asked.clip);
    case "fit":
      return (await classifier.heads.fit(asked.head, asked.examples)).files;
    case "detect":
      return await detect(classifier, asked.recording, { asked, port, say });
    case "listen": {
      const pieces = piecesOf(port);
      return await detect(classifier, pieces, { asked, port, say, samplingRate: asked.rate });
    }
  }
}

/** Loads the model, once. */
async function loaded(say: (said: Said) => void): Promise<Loaded> {
  const site: SiteFacts = await (await fetch(new URL("site.json", import.meta.url))).json();
  const files = webModelFiles(new URL("model/", import.meta.url), {
    hashes: site.hashes,
    onProgress: ({ loadedBytes, totalBytes }) => {
      const share = totalBytes ? ` ${Math.round(100 * loadedBytes / totalBytes)} %` : "";
      say({ kind: "loading", text: `Loading the model …${share}` });
    },
  });
  const heads = Object.fromEntries(site.heads.map((name) => {
    return [name, new URL(`heads/${encodeURIComponent(name)}/`, import.meta.url)];
  }));
  loading = pipeline("audio-classification", { name: site.model, open: files.open }, {
    ...{ heads, maxSeconds: MAX_SECONDS, longClips: "windows" },
  });
  const { labels, heads: { list } } = await loading;
  const own = (await loading).model.hasHead ? labels : [];
  const isIsolated = Reflect.get(globalThis, "crossOriginIsolated") === true;
  const cores = isIsolated ? navigator.hardwareConcurrency : 1;
  const device = `in this browser on ${cores} thread${cores > 1 ? "s" : ""}`;
  return { labels: own, heads: list().map(({ name }) => name), device };
}

interface Detecting {
  asked: { head?: string };
  port: MessagePort;
  say: (said: Said) => void;
  samplingRate?: number;
}

async function detect(
  classifier: HeadedClassifier,
  sound: Blob | AsyncIterable<Float32Array>,
  { asked: { head }, port, say, samplingRate }: Detecting,
): Promise<void> {
  const ending = new AbortController();
  port.addEventListener("message", ({ data }: MessageEvent<More>) => {
    if (data.kind === "stop") ending.abort();
  });
  port.start();
  const labels = classifier.heads.list().find(({ name }) => name === head)?.labels ??
    classifier.labels;
  const events = classifier.detect(sound, {
    ...{ head, samplingRate, signal: ending.signal },
    onScores: ({ start, end, scores, none }) => {
      const best = labels.map((label, i) => ({ label, score: scores[i]! }));
      if (none) best.push(none);
      best.sort((a, b) => b.score - a.score);
      say({ kind: "window", found: { start, end, best: best.slice(0, TOP) } });
    },
  });
  for await (const { start, end, label, score, state } of events) {
    if (state === "ended") say({ kind: "event", found: { start, end, label, score } });
  }
}

/** Samples as the page sends them. */
async function* piecesOf(port: MessagePort): AsyncGenerator<Float32Array, void, void> {
  const waiting: (Float32Array | undefined)[] = [];
  let news = Promise.withResolvers<void>();
  port.addEventListener("message", ({ data }: MessageEvent<More>) => {
    if (data.kind !== "piece") return;
    waiting.push(data.piece);
    news.resolve();
  });
  port.start();
  for (;;) {
    while (waiting.length > 0) {
      const piece = waiting.shift();
      if (!piece) return;
      yield piece;
    }
    await news.promise;
    news = Promise.withResolvers();
  }
}
