/**
 * Several models in one service, each below `/models/NAME`; the first also answers where no model is named.
 *
 * @module
 */
import { isBelow, pathBehind } from "./_address.ts";
import { appOf } from "./_app.ts";
import type { App, AppOptions, ClassifierSource, ServedClassifier } from "./mod.ts";
import { noTotals } from "./_service_totals.ts";
import { expectBasePath } from "./_setting_checks.ts";

/** Such as `voice_menu` or `acme/birds`. */
const NAME = /^[A-Za-z0-9][\w.-]{0,95}(\/[A-Za-z0-9][\w.-]{0,95})?$/;

/**
 * Makes an application of several models.
 *
 * Each has a queue, heads and counts of its own; the limits of the options are those of all together. `/metrics` has the counts of all, by
 * the label `model`, `/readyz` says whether all are loaded, and `GET /models` lists them.
 *
 * @param models classifiers by the names that they have below `/models`: `NAME` or `ORG/NAME`.
 * @param options as those of `createApp()`.
 * @throws {RangeError} for a name that is none, and where there is no model.
 *
 * @example
 * ```ts
 * import { createModelsApp } from "@earshot/earshot/edge";
 * import { deepEqual } from "node:assert/strict";
 *
 * const model = (label: string) =>
 *   Object.assign(() => Promise.resolve([{ label, score: 1 }]), { labels: [label] });
 * const app = createModelsApp({ "acme/birds": model("wren"), "acme/frogs": model("toad") });
 * const answer = await app.fetch(new Request("http://localhost/models/acme/frogs"));
 * deepEqual((await answer.json()).labels, undefined); // It is loaded with the first clip.
 * const { models } = await (await app.fetch(new Request("http://localhost/models"))).json();
 * deepEqual(models.map(({ name }: { name: string }) => name), ["acme/birds", "acme/frogs"]);
 * ```
 */
export function createModelsApp(
  models: Readonly<Record<string, ClassifierSource>>,
  options: AppOptions = {},
): App {
  const names = Object.keys(models);
  for (const name of names) {
    if (NAME.test(name)) continue;
    throw new RangeError(`Cannot serve model "${name}": expected a name as NAME or ORG/NAME`);
  }
  if (names.length === 0) throw new RangeError("Cannot serve models: expected one, found none");
  return new ModelsApp(models, options).app;
}

/** The applications of the models, and which of them is asked. */
class ModelsApp {
  readonly #apps: ReadonlyMap<string, App>;
  readonly #loaded = new Map<string, ServedClassifier>();
  readonly #first: App;
  readonly #pathOf: (request: Request) => string;

  constructor(models: Readonly<Record<string, ClassifierSource>>, options: AppOptions) {
    this.#pathOf = pathBehind(expectBasePath(options.basePath ?? ""));
    const list = () => this.#list();
    const totals = noTotals();
    const apps = Object.entries(models).map(([name, source]): [string, App] => {
      return [
        name,
        appOf(this.#noted(name, source), { ...options, model: name, models: list }, totals),
      ];
    });
    this.#apps = new Map(apps);
    this.#first = apps[0]![1];
  }

  get app(): App {
    const apps = [...this.#apps.values()];
    return {
      // Deno gives a handler as many arguments as it names.
      fetch: (request, client) => this.#fetch([request, client]),
      load: async () => void await Promise.all(apps.map((app) => app.load())),
      metrics: () => this.#metrics(),
      close: async () => void await Promise.all(apps.map((app) => app.close())),
    };
  }

  /** The source, which tells of its classifier when it is loaded. */
  #noted(name: string, source: ClassifierSource): ClassifierSource {
    const isLoader = typeof source === "function" && !("labels" in source);
    if (!isLoader && !(source instanceof Promise)) this.#loaded.set(name, source);
    return async () => {
      const classifier = await (isLoader ? source() : source);
      this.#loaded.set(name, classifier);
      return classifier;
    };
  }

  async #fetch(asked: Parameters<App["fetch"]>): Promise<Response> {
    const path = this.#pathOf(asked[0]);
    const named = this.#named(path);
    if (named) return await named.fetch(...asked);
    const answer = await this.#first.fetch(...asked);
    // What is asked of the whole service is refused, counted and shared by the first model's application.
    if (!answer.ok || this.#apps.size === 1) return answer;
    if (path === "/metrics") return new Response(this.#metrics(), answer);
    if (path === "/readyz" || path === "/healthz" || path === "/health") {
      return await this.#worst(asked, path, answer);
    }
    return answer;
  }

  /** The application of the longest name that a path goes on from. */
  #named(path: string): App | undefined {
    const found = [...this.#apps.keys()].filter((name) => isBelow(path, `/models/${name}`));
    return this.#apps.get(found.sort((a, b) => b.length - a.length)[0] ?? "");
  }

  /** The answer of the first model that is not ready, or that of all. */
  async #worst(
    [request, ...rest]: Parameters<App["fetch"]>,
    path: string,
    answer: Response,
  ): Promise<Response> {
    for (const [name, app] of this.#apps) {
      if (app === this.#first) continue;
      const url = new URL(`/models/${name}${path}`, request.url);
      const other = await app.fetch(new Request(url, request), ...rest);
      if (!other.ok) return other;
      await other.body?.cancel();
    }
    return answer;
  }

  #list(): { name: string; ready: boolean; labels?: readonly string[] }[] {
    return [...this.#apps.keys()].map((name) => {
      const classifier = this.#loaded.get(name);
      return { name, ready: classifier !== undefined, labels: classifier?.labels };
    });
  }

  #metrics(): string {
    const [only] = this.#apps.values();
    if (this.#apps.size === 1) return only!.metrics();
    return joinedMetrics(Array.from(this.#apps, ([name, app]) => [name, app.metrics()]));
  }
}

/** Metrics of several models in one text, each sample with its model; those of the process stand once. */
function joinedMetrics(texts: readonly (readonly [model: string, text: string])[]): string {
  const families = new Map<string, string[]>();
  for (const [model, text] of texts) {
    for (const family of text.split(/^(?=# HELP )/m)) {
      const [help = "", type = "", ...samples] = family.trimEnd().split("\n");
      const head = `${help}\n${type}`;
      const isOfProcess = help.startsWith("# HELP process_");
      const lines = families.get(head) ?? [];
      if (!isOfProcess) lines.push(...samples.map((sample) => labelled(sample, model)));
      else if (lines.length === 0) lines.push(...samples);
      families.set(head, lines);
    }
  }
  return Array.from(families, ([head, lines]) => `${[head, ...lines].join("\n")}\n`).join("");
}

/** `name{…} 1` or `name 1`, with the label before the others. */
function labelled(sample: string, model: string): string {
  const [, name, labels, value] = /^(\w+)(?:\{(.*)\})? (.*)$/.exec(sample) ?? [];
  if (name === undefined) return sample;
  const all = [`model="${model}"`, ...labels ? [labels] : []].join(",");
  return `${name}{${all}} ${value}`;
}
