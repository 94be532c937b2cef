/**
 * What a request asks for: the bytes of a clip, and how the answer is to look.
 *
 * Both forms of Hugging Face's API are read: the bytes alone, of any content type, or JSON with
 * `inputs` in base64 and `parameters`.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import { DECODED_FORMATS, sniff } from "../src/audio/mod.ts";
import { readBounded } from "../src/classify/bounded_stream.ts";
import type { ClassifyOptions, ScoreFunction } from "../src/classify/pipeline.ts";
import { withDeadline } from "./_deadline.ts";

/** A clip to classify. */
export interface ClipRequest {
  bytes: Uint8Array;
  options: ClassifyOptions;
}

/** How much of a body is read, and for how long. */
export interface BodyLimits {
  maxBodyBytes: number;
  bodyTimeoutMs: number;
}

const SCORE_FUNCTIONS: readonly unknown[] = ["softmax", "sigmoid", "none"];
const PARAMETERS: readonly string[] = ["top_k", "function_to_apply"];

/**
 * Reads a request in full.
 *
 * @throws {HTTPException} 400 for a wrong parameter or body, 408 for a slow one, 413 for a large
 * one, 415 for what is plainly no audio that is read here.
 */
export async function readClipRequest(request: Request, limits: BodyLimits): Promise<ClipRequest> {
  const type = request.headers.get("content-type")?.replace(/;.*/, "").trim().toLowerCase();
  if (type === "multipart/form-data") {
    fail(415, "Cannot read a form: expected the file's bytes as the body (curl --data-binary)");
  }
  const asked = optionsFrom(queryFields(request.url));
  const body = await readBody(request, limits);
  if (body.length === 0) fail(400, "Cannot classify: expected audio as the body, found nothing");
  if (type !== "application/json") return { bytes: expectAudio(body), options: asked };
  const { bytes, options } = fromJson(body);
  return { bytes: expectAudio(bytes), options: { ...asked, ...options } };
}

/** The fields of an address; a whole `top_k` as a number. */
export function queryFields(url: string): Record<string, unknown> {
  const fields = Object.fromEntries(new URL(url).searchParams);
  const isNumber = /^\d+$/.test(fields.top_k ?? "");
  return isNumber ? { ...fields, top_k: Number(fields.top_k) } : fields;
}

async function readBody(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  const { maxBodyBytes, bodyTimeoutMs } = limits;
  const declared = Number(request.headers.get("content-length") ?? 0);
  const reading = declared > maxBodyBytes ? undefined : readBounded(request.body, maxBodyBytes);
  const late = `Cannot read the body: expected it within ${bodyTimeoutMs / 1000} s`;
  const body = await withDeadline(reading?.catch(brokenOff), bodyTimeoutMs, late);
  return body ?? fail(413, `Cannot read the body: expected at most ${maxBodyBytes} bytes`);
}

/** Status 400, for a body that ends before it is whole. */
export function brokenOff(): never {
  fail(400, "Cannot read the body: expected all of it, found that it broke off");
}

function fromJson(body: Uint8Array): ClipRequest {
  const { inputs, parameters = {} } = parseObject(body);
  if (typeof inputs !== "string") {
    fail(400, `Cannot read field "inputs": expected audio in base64, found ${kindOf(inputs)}`);
  }
  if (kindOf(parameters) !== "object") {
    fail(400, `Cannot read field "parameters": expected an object, found ${kindOf(parameters)}`);
  }
  const fields = parameters as Record<string, unknown>;
  const unknown = Object.keys(fields).find((key) => !PARAMETERS.includes(key));
  if (unknown !== undefined) {
    fail(400, `Cannot use parameter "${shown(unknown)}": expected ${PARAMETERS.join(" or ")}`);
  }
  return { bytes: fromBase64(inputs as string), options: optionsFrom(fields) };
}

function parseObject(body: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    fail(400, "Cannot read the body: expected JSON, found other text");
  }
  if (kindOf(value) === "object") return value as Record<string, unknown>;
  return fail(400, `Cannot read the body: expected a JSON object, found ${kindOf(value)}`);
}

function optionsFrom(fields: Record<string, unknown>): ClassifyOptions {
  const { top_k: topK, function_to_apply: functionToApply } = fields;
  const options: ClassifyOptions = {};
  if (topK !== undefined && topK !== null) {
    if (!Number.isInteger(topK) || topK as number < 1) {
      fail(400, `Cannot use top_k: expected a whole number of 1 or more, found ${shown(topK)}`);
    }
    options.topK = topK as number;
  }
  if (functionToApply !== undefined && functionToApply !== null) {
    if (!SCORE_FUNCTIONS.includes(functionToApply)) {
      fail(400, `Cannot use function_to_apply: expected ${SCORE_FUNCTIONS.join(" or ")}`);
    }
    options.functionToApply = functionToApply as ScoreFunction;
  }
  return options;
}

function fromBase64(text: string): Uint8Array {
  try {
    const characters = atob(text);
    const bytes = new Uint8Array(characters.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
    return bytes;
  } catch {
    return fail(400, 'Cannot read field "inputs": expected audio in base64, found other text');
  }
}

function expectAudio(bytes: Uint8Array): Uint8Array {
  const found = sniff(bytes)?.name ?? "an unknown format";
  if (DECODED_FORMATS.includes(found)) return bytes;
  return fail(415, `Cannot decode audio: expected ${DECODED_FORMATS.join(", ")}, found ${found}`);
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
}

/** A value for a message: what is short as it is, what has parts by its kind. */
function shown(value: unknown): string {
  return typeof value === "object" ? kindOf(value) : String(value).slice(0, 40);
}

function fail(status: 400 | 413 | 415, message: string): never {
  throw new HTTPException(status, { message });
}
