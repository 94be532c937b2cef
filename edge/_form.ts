/**
 * The file in a form (`multipart/form-data`), and the parameters beside it.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";

/** What a form holds. */
export interface FormClip {
  bytes: Uint8Array;
  fields: Record<string, unknown>;
}

/**
 * Reads a form whose body is there; its first file is the clip.
 *
 * @throws {HTTPException} with status 400 for what is no form, or has no file.
 */
export async function formClip(type: string, body: Uint8Array): Promise<FormClip> {
  const headers = { "content-type": type };
  const form = await new Response(body.slice(), { headers }).formData().catch(() => {
    throw new HTTPException(400, { message: "Cannot read the form: expected multipart/form-data" });
  });
  const fields: Record<string, unknown> = {};
  let file: File | undefined;
  for (const [name, value] of form) {
    if (typeof value === "string") fields[name] = value;
    else file ??= value;
  }
  if (file) return { bytes: new Uint8Array(await file.arrayBuffer()), fields };
  throw new HTTPException(400, { message: "Cannot read the form: expected a file in it" });
}
