/**
 * File patterns as cards of data sets have them: `data/train-*`, any folder's `*.parquet`.
 *
 * @module
 */

/** The paths that a pattern means; one without wildcards means itself. */
export function matching(pattern: string, paths: readonly string[]): string[] {
  const plain = pattern.replace(/^\.\//, "");
  if (paths.includes(plain)) return [plain];
  const rule = globRule(plain);
  return paths.filter((path) => rule.test(path));
}

function globRule(pattern: string): RegExp {
  const parts = pattern.split(/(\*\*\/|\*\*|\*|\?|\[[^\]]+\]|\{[^}]+\})/);
  return new RegExp(`^${parts.map(partRule).join("")}$`);
}

function partRule(part: string): string {
  if (part === "**/") return "(?:.*/)?";
  if (part === "**") return ".*";
  if (part === "*") return "[^/]*";
  if (part === "?") return "[^/]";
  if (/^\[.+\]$/.test(part)) return part.replace(/^\[!/, "[^").replaceAll("\\", "\\\\");
  if (/^\{.+\}$/.test(part)) return `(?:${part.slice(1, -1).split(",").map(quoted).join("|")})`;
  return quoted(part);
}

function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
