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
  const lists = [
    { name: "Model", facts: model },
    { name: "Made with", facts: versions },
    { name: "Settings", facts: settings },
  ].filter(({ facts }) => facts && Object.keys(facts).length > 0);
  if (lists.length === 0) return undefined;
  return {
    id: "made",
    title: "How it was made",
    content: html`<div class="lists">${
      lists.map(({ name, facts }) => html`<div><h3>${name}</h3>${factList(facts!)}</div>`)
    }</div>`,
  };
}

function factList(facts: Readonly<Record<string, unknown>>): Markup {
  return html`<dl>${
    Object.entries(facts).filter(([, value]) => value !== undefined).map(([name, value]) =>
      html`
        <div>
          <dt>${name}</dt>
          <dd>${shown(value)}</dd>
        </div>
      `
    )
  }</dl>`;
}

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" && Number.isInteger(value) && value >= 10_000) return count(value);
  return JSON.stringify(value);
}
