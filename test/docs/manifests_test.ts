/**
 * The files for operators in `docs/serving.md`, against what the service has: paths, variables, metrics.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { createApp } from "../../edge/mod.ts";
import { ROUTES } from "../../edge/_routes.ts";
import { SETTING_ROWS, variableOf } from "../../edge/settings.ts";
import { STEADY_PREFIX, STEADY_V8_FLAGS } from "../../src/commands/registry.ts";
import { fakeClassifier } from "../edge/_served.ts";

const PAGE = await Deno.readTextFile("docs/serving.md");
const VARIABLES = SETTING_ROWS.flatMap(([name, row]) => {
  const variable = variableOf(name, row);
  return row.kind === "secret" ? [variable, `${variable}_FILE`] : [variable];
});

function block(language: string, number = 0): string {
  const blocks = Array.from(PAGE.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms")));
  return blocks[number]![1]!;
}

// deno-lint-ignore no-explicit-any -- documents of YAML
type Document = any;

function documents(number: number): Document[] {
  return parseAllDocuments(block("yaml", number)).map((document) => {
    deepEqual([document.errors, document.warnings], [[], []]);
    return document.toJS();
  });
}

Deno.test("the manifests of Kubernetes ask for paths, variables and metrics that there are", async () => {
  const [deployment, service, budget, autoscaler] = documents(0);
  const { template, selector } = deployment.spec;
  deepEqual(template.metadata.labels, selector.matchLabels);
  deepEqual([service.spec.selector, budget.spec.selector.matchLabels], [
    selector.matchLabels,
    selector.matchLabels,
  ]);
  equal(autoscaler.spec.scaleTargetRef.name, deployment.metadata.name);
  const [container] = template.spec.containers;
  for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"]) {
    ok(Object.hasOwn(ROUTES, container[probe].httpGet.path), probe);
  }
  for (const { name } of container.env) ok(VARIABLES.includes(name), name);
  const { name } = autoscaler.spec.metrics[0].pods.metric;
  const metrics = await createApp(fakeClassifier()).fetch(new Request("http://localhost/metrics"));
  match(await metrics.text(), new RegExp(`^${name} \\d`, "m"));
  const [{ rules }] = documents(1);
  ok(rules[0].seriesQuery.startsWith(name));
});

Deno.test("the unit of systemd starts a bundle as its own task does, with variables that there are", () => {
  const unit = block("ini");
  const command = unit.match(/^ExecStart=(.*)$/m)![1]!;
  ok(command.includes(STEADY_V8_FLAGS) && command.endsWith(" main.js"));
  ok(unit.includes(`Environment=${STEADY_PREFIX}\n`));
  const set = Array.from(unit.matchAll(/\b((?:EARSHOT_\w+|PORT)(?==))/g), ([name]) => name);
  ok(set.length >= 4);
  for (const name of set) ok(VARIABLES.includes(name), name);
});

Deno.test("the proxies hand on long requests as they come", () => {
  for (const text of [block("nginx"), block("caddyfile")]) {
    for (const path of ["detect", "stream", "metrics"]) ok(text.includes(path), path);
    equal(text.match(/[{]/g)!.length, text.match(/[}]/g)!.length);
  }
  const header = block("nginx").match(/client_header_timeout (\d+)s/);
  equal(header![1], block("caddyfile").match(/read_header (\d+)s/)![1]);
});
