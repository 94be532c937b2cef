/**
 * How the model was made: its facts, the training arguments, versions.
 *
 * @module
 */
import { html, type Markup, type Section } from "./_html.ts";
import { count } from "./_numbers.ts";
import type { ReportData } from "./report_data.ts";

/** The section; nothing where nothing is known. */
export function settingsSection({ model, settings, versions }: ReportData): Section | undefined {
  const facts = [factList("Model", model), factList("Made with", versions)];
  const list = factList("Settings", settings);
  if (![...facts, list].some((part) => part !== undefined)) return undefined;
  const content = html`
    <div class="split lists">
      <div>${facts}</div>
      <div>${list}</div>
    </div>
  `;
  return { id: "made", title: "How it was made", content };
}

function factList(name: string, facts: Readonly<Record<string, unknown>> = {}): Markup | undefined {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  if (known.length === 0) return undefined;
  const rows = known.map(([fact, value]) =>
    html`
      <div>
        <dt>${fact}</dt>
        <dd>${shown(value)}</dd>
      </div>
    `
  );
  return html`
    <h3>${name}</h3>
    <dl>${rows}</dl>
  `;
}

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" && Number.isInteger(value) && value >= 10_000) return count(value);
  return JSON.stringify(value);
}
