/**
 * The answers of the loopback hub: JSON, its errors with their headers, and files with ranges.
 *
 * @module
 */

/** Something went wrong in the way that the hub says it. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Goes into `X-Error-Code`; absent where the hub gives none. */
    readonly code?: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }

  toResponse(): Response {
    const headers = { ...this.headers, "X-Error-Message": this.message };
    const code = this.code && { "X-Error-Code": this.code };
    return Response.json({ error: this.message }, {
      status: this.status,
      headers: { ...headers, ...code },
    });
  }
}

/** A JSON answer. */
export function json(body: unknown, headers: Record<string, string> = {}): Response {
  return Response.json(body, { headers });
}

/** A file or the range of it that is asked for, which `If-Range` may forbid. */
export function fileResponse(
  request: Request,
  bytes: Uint8Array,
  etag: string,
  headers: Record<string, string> = {},
): Response {
  const common = {
    "Content-Type": "application/octet-stream",
    "Accept-Ranges": "bytes",
    ETag: `"${etag}"`,
    ...headers,
  };
  const condition = request.headers.get("If-Range");
  const asked = request.headers.get("Range")?.match(/^bytes=(\d*)-(\d*)$/);
  if (!asked || condition !== null && condition !== `"${etag}"`) {
    return new Response(body(request, bytes), {
      headers: { ...common, "Content-Length": String(bytes.length) },
    });
  }
  const [start, end] = rangeOf(asked[1]!, asked[2]!, bytes.length);
  if (start >= end) {
    const range = `bytes */${bytes.length}`;
    return new Response(null, { status: 416, headers: { "Content-Range": range } });
  }
  return new Response(body(request, bytes.subarray(start, end)), {
    status: 206,
    headers: {
      ...common,
      "Content-Range": `bytes ${start}-${end - 1}/${bytes.length}`,
      "Content-Length": String(end - start),
    },
  });
}

function rangeOf(first: string, last: string, size: number): [start: number, end: number] {
  if (first === "") return [Math.max(0, size - Number(last)), size];
  return [Number(first), last === "" ? size : Math.min(Number(last) + 1, size)];
}

function body(request: Request, bytes: Uint8Array): BodyInit | null {
  return request.method === "HEAD" ? null : bytes as Uint8Array<ArrayBuffer>;
}
