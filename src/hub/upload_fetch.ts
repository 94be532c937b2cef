/**
 * The `fetch` of a push: bodies are counted as they go, and a body that moves is not a hub that is silent.
 *
 * @module
 */
import type { HubSubject } from "./names.ts";
import { clientFetch } from "./request.ts";
import type { HubSettings } from "./settings.ts";

/** How far a large file has come. */
export interface HubUploadProgress {
  /** The id of the repository. */
  repository: string;
  /** The name of the file in it. */
  file: string;
  /** Bytes that have gone; fewer again where a part has to be sent once more. */
  sentBytes: number;
  /** Bytes of the whole file. */
  totalBytes: number;
}

/** What the library says about a body, beside the body. */
interface Hinted extends RequestInit {
  progressHint?: { path?: string; part?: number };
}

/** The fetch for one push of these files. */
export function uploadFetch(
  settings: HubSettings,
  subject: HubSubject,
  files: readonly { path: string; content: Blob }[],
  onUpload: (progress: HubUploadProgress) => void = () => {},
): typeof fetch {
  const totals = new Map(files.map(({ path, content }) => [path, content.size]));
  const gone = new Map<string, number[]>();
  const count = (file: string, part: number, bytes: number) => {
    const parts = gone.get(file) ?? [];
    parts[part] = bytes;
    gone.set(file, parts);
    const sentBytes = parts.reduce((sum, each) => sum + each, 0);
    onUpload({ repository: subject.id, file, sentBytes, totalBytes: totals.get(file) ?? 0 });
  };
  return async (input, init: Hinted = {}) => {
    const { body, progressHint: { path: file, part = 0 } = {} } = init;
    // The library ends the other transfers when one has failed.
    const signals = [settings.signal, init.signal].filter((each) => each instanceof AbortSignal);
    const watched = { ...settings, signal: AbortSignal.any(signals) };
    const send = clientFetch(watched, { ...subject, file });
    if (!(body instanceof Blob) || file === undefined) return await send(input, init);
    const counted = (onPart: () => void) =>
      new CountedBlob(body, (bytes) => {
        onPart();
        count(file, part, bytes);
      });
    return await send(input, { ...init, body: counted });
  };
}

/** The same bytes; tells how many have been taken. */
class CountedBlob extends Blob {
  readonly #content: Blob;
  readonly #onBytes: (bytes: number) => void;

  constructor(content: Blob, onBytes: (bytes: number) => void) {
    super();
    this.#content = content;
    this.#onBytes = onBytes;
  }

  override get size(): number {
    return this.#content.size;
  }

  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    let bytes = 0;
    return this.#content.stream().pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform: (part, controller) => {
          bytes += part.length;
          this.#onBytes(bytes);
          controller.enqueue(part);
        },
      }),
    );
  }
}
