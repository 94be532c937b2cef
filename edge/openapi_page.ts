/**
 * The page of `/docs`: what `/openapi.json` says, to be read by people; it asks no other host for anything.
 *
 * @module
 */

type Json = Readonly<Record<string, unknown>>;

interface Parameter {
  name: string;
  in: string;
  description?: string;
  required?: boolean;
}

interface Operation {
  summary?: string;
  parameters?: readonly Parameter[];
  requestBody?: { content: Json };
  responses: Readonly<Record<string, Answer | { $ref: string }>>;
}

interface Answer {
  description: string;
  content?: Json;
}

const METHODS = ["get", "post", "delete"];

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
summary { cursor: pointer; padding: .4rem 0; }
details { border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
details > :not(summary) { margin-left: 1rem; }
th, td { text-align: left; vertical-align: top; padding: .1rem .8rem .1rem 0; }
th { font-weight: 600; }
`;

/** The page, in HTML. */
export function openapiPage(document: Json): string {
  const { title, version, description } = document.info as Record<string, string>;
  const { responses } = document.components as { responses: Readonly<Record<string, Answer>> };
  const answerOf = (answer: Answer | { $ref: string }) => {
    return "$ref" in answer ? responses[answer.$ref.split("/").at(-1)!]! : answer;
  };
  const operations = Object.entries(document.paths as Record<string, Json>).flatMap(
    ([path, item]) =>
      METHODS.filter((method) => method in item).map((method) =>
        operationOf(method, path, item[method] as Operation, answerOf)
      ),
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title!)}</title>
<style>${STYLE}</style>
<main>
<h1>${escaped(title!)} ${escaped(version!)}</h1>
<p>${escaped(description!)} In OpenAPI 3.1: <a href="openapi.json">openapi.json</a>.</p>
${operations.join("\n")}
</main>
</html>
`;
}

function operationOf(
  method: string,
  path: string,
  operation: Operation,
  answerOf: (answer: Operation["responses"][string]) => Answer,
): string {
  const { summary = "", parameters = [], requestBody, responses } = operation;
  const kinds = Object.keys(requestBody?.content ?? {});
  return `<details>
<summary><code><b>${method.toUpperCase()}</b> ${escaped(path)}</code> ${escaped(summary)}</summary>
${kinds.length > 0 ? `<p>Body: ${kinds.map(code).join(", ")}</p>` : ""}
${
    table(
      "Parameters",
      parameters.map(({ name, required, description = "" }) => {
        return [code(name), `${escaped(description)}${required ? " (needed)" : ""}`];
      }),
    )
  }
${
    table(
      "Answers",
      Object.entries(responses).map(([status, answer]) => {
        const { description, content = {} } = answerOf(answer);
        return [code(status), escaped(description), Object.keys(content).map(code).join(", ")];
      }),
    )
  }
</details>`;
}

function table(caption: string, rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const lines = rows.map(([head, ...cells]) => {
    return `<tr><th scope="row">${head}</th>${
      cells.map((cell) => `<td>${cell}</td>`).join("")
    }</tr>`;
  });
  return `<table><caption>${caption}</caption>${lines.join("")}</table>`;
}

function code(text: string): string {
  return `<code>${escaped(text)}</code>`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
