/**
 * `/heads`: which heads there are, all their answers to a clip at once, and heads that are taught.
 *
 * @module
 */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ServedClassifier, ServedHeads } from "./mod.ts";
import { classifierOf, type Service } from "./_service.ts";
import { shown, type TaughtState } from "./_teaching.ts";

/** `GET /heads` */
export async function listHeads(c: Context, service: Service): Promise<Response> {
  const { heads } = await classifierOf(service);
  const list = (heads?.list() ?? []).map(({ name, labels }) => {
    return { name, labels, examples: service.teaching.stateOf(name)?.labels };
  });
  return c.json({ heads: list });
}

/**
 * The heads of a classifier, of which one has this name, where one is given.
 *
 * @throws {HTTPException} 404 where there is none.
 */
export function headsWith(classifier: ServedClassifier, name?: string): ServedHeads | undefined {
  const { heads, labels } = classifier;
  const names = heads?.list().map((head) => head.name) ?? [];
  if (name === undefined ? labels.length > 0 : names.includes(name)) return heads;
  const found = name === undefined ? "none" : shown(name);
  const expected = names.length > 0 ? `one of ${names.join(", ")}` : "none, since there are none";
  const message = `Cannot find head: expected ${expected}, found ${found}`;
  throw new HTTPException(404, { message });
}

/** The heads that may be taught, or answer together. */
export function headsOf({ heads }: ServedClassifier): ServedHeads {
  if (heads) return heads;
  const message = "Cannot find heads: expected a service of several, found one of one model";
  throw new HTTPException(404, { message });
}

/** The labels that a head has, or the model's own. */
export function labelsOf(classifier: ServedClassifier, name?: string): readonly string[] {
  const head = classifier.heads?.list().find((one) => one.name === name);
  return head?.labels ?? classifier.labels;
}

/** `POST /heads/NAME/examples` with a clip that is there. */
export async function teach(
  service: Service,
  bytes: Uint8Array,
  { name, label, heads }: { name: string; label: string; heads: ServedHeads },
): Promise<TaughtState> {
  const features = await heads.features(bytes);
  return await service.teaching.add(name, { label, features }, heads);
}
