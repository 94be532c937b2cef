/**
 * Heads that clients teach: who may, the examples that were kept, and how many there may be.
 *
 * Examples are features, not sound. They are in the memory of the service, so that a thread of inference that ends
 * takes none of them along.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import type { ServedHeads } from "./mod.ts";
import { bearerOf, Secrets } from "./_secrets.ts";
import type { ServiceTotals } from "./_service_totals.ts";

/** What examples may take, and who may give them. */
export interface TeachingRules {
  /** What a client has to know; without one nobody may teach. */
  token?: string;
  maxExamples: number;
  maxExamplesBytes: number;
  maxTaughtHeads: number;
  /** Keeps the files of a head. */
  save?: (name: string, files: { name: string; bytes: Uint8Array }[]) => Promise<void>;
}

/** A head as it stands. */
export interface TaughtState {
  name: string;
  /** How many examples there are of each label. */
  labels: Record<string, number>;
  /** Whether it answers: it has two labels. */
  ready: boolean;
  saved: boolean;
}

/** A file of a head's directory. */
export interface HeadFile {
  name: string;
  bytes: Uint8Array;
}

interface Lesson {
  vectors: Float32Array[];
  labels: string[];
  l2?: number;
  /** How many examples there were when that was chosen. */
  chosenAt: number;
  /** Its directory, as it was fitted last. */
  files?: HeadFile[];
}

const MAX_LABELS = 100;
const MAX_LABEL_LENGTH = 100;
const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** What is counted of them. */
type TaughtTotals = Pick<ServiceTotals, "taughtHeads" | "examplesBytes">;

/** The examples of all heads that are taught. */
export class Teaching {
  readonly #rules: TeachingRules;
  readonly #token?: Secrets;
  readonly #lessons = new Map<string, Lesson>();
  readonly #totals: TaughtTotals;

  /**
   * @param rules what examples may take.
   * @param totals those of all models of the service.
   */
  constructor(rules: TeachingRules, totals: TaughtTotals) {
    this.#rules = rules;
    this.#totals = totals;
    this.#token = rules.token === undefined ? undefined : new Secrets([rules.token]);
  }

  /** Whether anybody may teach. */
  get isAllowed(): boolean {
    return this.#token !== undefined;
  }

  /** @throws {HTTPException} 403 where nobody may teach, 401 for who does not know the token. */
  async expectAllowed(request: Request): Promise<void> {
    if (!this.#token) fail(403, "Cannot teach: expected a service that allows it");
    if (!await this.#token!.has(bearerOf(request))) {
      fail(401, "Cannot teach: expected the header Authorization: Bearer TOKEN with the token");
    }
  }

  /** Refuses what can be refused before there is a clip, and gives the label. */
  expectExample(name: string, label: string | null, heads: ServedHeads): string {
    if (!NAME.test(name)) {
      fail(400, "Cannot teach: expected a name of 1 to 64 letters, digits, -, _ and .");
    }
    if (!label || label.length > MAX_LABEL_LENGTH || UNPRINTABLE.test(label)) {
      const expected = `a label of 1 to ${MAX_LABEL_LENGTH} printable characters`;
      fail(400, `Cannot teach "${name}": expected ${expected} (?label=…)`);
    }
    const { maxExamples, maxExamplesBytes, maxTaughtHeads } = this.#rules;
    const lesson = this.#lessons.get(name);
    if (!lesson) {
      if (heads.list().some((head) => head.name === name)) {
        fail(409, `Cannot teach "${name}": expected a head of its own, found one that was given`);
      }
      if (this.#totals.taughtHeads >= maxTaughtHeads) {
        fail(409, `Cannot teach "${name}": expected at most ${maxTaughtHeads} heads`);
      }
    }
    const known = new Set(lesson?.labels);
    if (known.size >= MAX_LABELS && !known.has(label!)) {
      fail(409, `Cannot teach "${name}": expected at most ${MAX_LABELS} labels`);
    }
    if ((lesson?.vectors.length ?? 0) >= maxExamples) {
      fail(409, `Cannot teach "${name}": expected at most ${maxExamples} examples`);
    }
    if (this.#totals.examplesBytes >= maxExamplesBytes) {
      fail(409, `Cannot teach "${name}": expected at most ${maxExamplesBytes} bytes of examples`);
    }
    return label!;
  }

  /** Takes an example in, once the head is fitted to it; a head with one label waits for the next. */
  async add(
    name: string,
    { label, features }: { label: string; features: Float32Array },
    heads: ServedHeads,
  ): Promise<TaughtState> {
    this.expectExample(name, label, heads);
    const before = this.#lessons.get(name) ?? { vectors: [], labels: [], chosenAt: 0 };
    const next: Lesson = {
      ...before,
      vectors: [...before.vectors, features],
      labels: [...before.labels, label],
    };
    const isReady = new Set(next.labels).size > 1;
    const files = isReady ? await fitted(name, next, heads) : [];
    next.files = files;
    if (!this.#lessons.has(name)) this.#totals.taughtHeads++;
    this.#lessons.set(name, next);
    this.#totals.examplesBytes += features.byteLength;
    const { save } = this.#rules;
    if (isReady) await save?.(name, files);
    return { ...this.stateOf(name)!, saved: isReady && save !== undefined };
  }

  /** What there is of a head; undefined where it is not one that is taught. */
  stateOf(name: string): Omit<TaughtState, "saved"> | undefined {
    const lesson = this.#lessons.get(name);
    if (!lesson) return undefined;
    const labels: Record<string, number> = Object.create(null);
    for (const label of lesson.labels) labels[label] = (labels[label] ?? 0) + 1;
    return { name, labels, ready: Object.keys(labels).length > 1 };
  }

  /**
   * The directory of a head that was taught.
   *
   * @throws {HTTPException} with status 404 where there is none, 409 where it has too few labels yet.
   */
  filesOf(name: string): readonly HeadFile[] {
    const lesson = this.#lessons.get(name);
    if (!lesson) fail(404, `Cannot give head ${shown(name)}: expected one that was taught`);
    if (!lesson!.files?.length) {
      fail(409, `Cannot give head ${shown(name)}: expected examples of two labels or more`);
    }
    return lesson!.files!;
  }

  /** Forgets a head and its examples; what was saved stays. */
  async forget(name: string, heads: ServedHeads): Promise<void> {
    const lesson = this.#lessons.get(name);
    if (!lesson) fail(404, `Cannot remove head ${shown(name)}: expected one that was taught`);
    this.#lessons.delete(name);
    this.#totals.taughtHeads--;
    for (const { byteLength } of lesson!.vectors) this.#totals.examplesBytes -= byteLength;
    await heads.remove(name);
  }
}

/** Fits a head. How strongly weights are held down is chosen anew when there are half as many examples again. */
async function fitted(name: string, lesson: Lesson, heads: ServedHeads) {
  const { vectors, labels } = lesson;
  if (vectors.length >= 1.5 * lesson.chosenAt) {
    lesson.l2 = undefined;
    lesson.chosenAt = vectors.length;
  }
  const { l2, files } = await heads.fit(name, { vectors, labels, l2: lesson.l2 });
  lesson.l2 = l2;
  return files;
}

/** A name for a message. */
export function shown(name: string): string {
  return JSON.stringify(name.slice(0, 40));
}

function fail(status: 400 | 401 | 403 | 404 | 409, message: string): never {
  throw new HTTPException(status, { message });
}
