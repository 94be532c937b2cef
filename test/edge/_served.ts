/**
 * Requests for the edge application, and a classifier that needs no model.
 *
 * @module
 */
import type { ServedClassifier } from "../../edge/mod.ts";
import { encodeWav } from "../../src/audio/mod.ts";
import type { ClassifyOptions } from "../../src/classify/pipeline.ts";

/** A call that the fake classifier got. */
export interface Call {
  bytes: Uint8Array;
  options: ClassifyOptions | undefined;
}

/** A WAV file of a tenth of a second. */
export const CLIP: Uint8Array<ArrayBuffer> = encodeWav(new Float32Array(800), 8_000).slice();

/** A classifier that answers the same to all, after `work`, and notes what it was asked. */
export function fakeClassifier(
  calls: Call[] = [],
  work: () => Promise<void> = () => Promise.resolve(),
): ServedClassifier {
  const classify = async (bytes: Uint8Array, options?: ClassifyOptions) => {
    calls.push({ bytes, options });
    await work();
    return [{ label: "yes", score: 0.75 }, { label: "no", score: 0.25 }];
  };
  return Object.assign(classify, { labels: ["no", "yes"] });
}

/** A request with a body. */
export function post(body: BodyInit | null, type?: string, query = ""): Request {
  const headers = type === undefined ? undefined : { "content-type": type };
  return new Request(`http://localhost/${query}`, { method: "POST", body, headers });
}

/** A request of JSON. */
export function postJson(value: unknown, query = ""): Request {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return post(text, "application/json; charset=utf-8", query);
}

/** Bytes in base64. */
export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
