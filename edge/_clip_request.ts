/**
 * What a request asks for: the bytes of a clip, and how the answer is to look.
 *
 * Both forms of Hugging Face's API are read: the bytes alone, of any content type, or JSON with
 * `inputs` in base64, bare or as a data URL, and `parameters`; and forms with a file.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import { DECODED_FORMATS, sniff } from "../src/audio/mod.ts";
import type { ClassifyOptions, ScoreFunction } from "../src/classify/pipeline.ts";
import { flagIn } from "./_detect_request.ts";
import { type FormClip, formClip } from "./_form.ts";

/** A clip to classify. */
export interface ClipRequest {
  bytes: Uint8Array;
  options: ClassifyOptions;
  /** Parameters that there are not, the first few of them. */
  unknown: string[];
}

const SCORE_FUNCTIONS: readonly unknown[] = ["softmax", "sigmoid", "none"];
const PARAMETERS: readonly string[] = ["top_k", "function_to_apply", "raw_scores"];
/** Of a query alone. */
const QUERY_PARAMETERS: readonly string[] = [...PARAMETERS, "head", "label"];
/** They are named in a header, which has little room. */
const MAX_UNKNOWN = 5;

/**
 * What can be refused before the body is read.
 *
 * @throws {HTTPException} 400 for a wrong parameter of the query.
 */
export function expectClipRequest(request: Request): void {
  optionsFrom(queryFields(request.url));
}

/**
 * Reads a request whose body is there.
 *
 * @throws {HTTPException} 400 for a wrong parameter or body, 415 for what is plainly no audio that is read here.
 */
export async function clipRequest(request: Request, body: Uint8Array): Promise<ClipRequest> {
  const query = queryFields(request.url);
  const asked = optionsFrom(query);
  const odd = Object.keys(query).filter((name) => !QUERY_PARAMETERS.includes(name));
  if (body.length === 0) fail(400, "Cannot classify: expected audio as the body, found nothing");
  const type = contentType(request);
  if (type !== "application/json" && type !== "multipart/form-data") {
    return { bytes: expectAudio(body), options: asked, unknown: shortened(odd) };
  }
  const { bytes, fields } = type === "application/json"
    ? fromJson(body)
    : await formClip(request.headers.get("content-type")!, body);
  odd.push(...Object.keys(fields).filter((name) => !PARAMETERS.includes(name)));
  const unknown = shortened(odd);
  return { bytes: expectAudio(bytes), options: { ...asked, ...optionsFrom(fields) }, unknown };
}

function shortened(names: readonly string[]): string[] {
  return names.slice(0, MAX_UNKNOWN).map(shown);
}

function contentType(request: Request): string | undefined {
  return request.headers.get("content-type")?.replace(/;.*/, "").trim().toLowerCase();
}

/** The fields of an address. */
export function queryFields(url: string): Record<string, unknown> {
  return Object.fromEntries(new URL(url).searchParams);
}

function fromJson(body: Uint8Array): FormClip {
  const { inputs, parameters: given } = parseObject(body);
  const parameters = given ?? {};
  if (typeof inputs !== "string") {
    fail(400, `Cannot read field "inputs": expected audio in base64, found ${kindOf(inputs)}`);
  }
  if (kindOf(parameters) !== "object") {
    fail(400, `Cannot read field "parameters": expected an object, found ${kindOf(parameters)}`);
  }
  return { bytes: fromBase64(inputs as string), fields: parameters as Record<string, unknown> };
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
  const { top_k, function_to_apply: functionToApply } = fields;
  // Forms and queries have numbers as text only, and some clients write them so everywhere.
  const topK = typeof top_k === "string" && /^\d+$/.test(top_k) ? Number(top_k) : top_k;
  const options: ClassifyOptions = {};
  const rawScores = flagIn(fields.raw_scores);
  if (rawScores === undefined) {
    fail(400, `Cannot use raw_scores: expected true or false, found ${shown(fields.raw_scores)}`);
  }
  if (rawScores) options.rawScores = true;
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
    const characters = atob(text.replace(/^data:[^,]{0,200};base64,/i, ""));
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
  if (bytes[0] === 0x7b) {
    fail(
      415,
      "Cannot decode audio: expected audio, found JSON without Content-Type: application/json",
    );
  }
  return fail(415, `Cannot decode audio: expected ${DECODED_FORMATS.join(", ")}, found ${found}`);
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
}

/** A value for a message: what is short as it is, what has parts by its kind. */
function shown(value: unknown): string {
  return typeof value === "object" ? kindOf(value) : String(value).slice(0, 40);
}

function fail(status: 400 | 415, message: string): never {
  throw new HTTPException(status, { message });
}
