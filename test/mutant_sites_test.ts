import { deepEqual, equal, ok } from "node:assert/strict";
import { chooseSites, PATTERNS, type Site, sitesIn } from "./mutant_sites.ts";

/** What a line becomes, by pattern. */
function changes(line: string): [pattern: string, after: string][] {
  return sitesIn("a.ts", line).map(({ pattern, after }) => [pattern, after]);
}

Deno.test("sitesIn() finds each of the eight patterns", () => {
  deepEqual(changes(`const y = act(x, "gelu");`), [["activation", `const y = act(x, "relu");`]]);
  deepEqual(changes("const EPS = 1e-5;"), [["constant", "const EPS = 0.00002;"]]);
  deepEqual(changes("if (a < b) {"), [["comparison", "if (a <= b) {"]]);
  deepEqual(changes("return preNormLayer;"), [["order of norms", "return postNormLayer;"]]);
  deepEqual(changes("for (let i = 0; i; i++) {"), [["off by one", "for (let i = 1; i; i++) {"]]);
  deepEqual(changes("const y = a - b;"), [["sign", "const y = a + b;"]]);
  deepEqual(changes("const t = x.shape[1]!;"), [["axis", "const t = x.shape[0]!;"]]);
  deepEqual(changes("const m = lengths && row;"), [["mask", "const m = !lengths && row;"]]);
  equal(Object.keys(PATTERNS).length, 8);
});

Deno.test("sitesIn() leaves out imports, comments, types and the text of strings", () => {
  const text = [
    `import {`,
    `  a12 as b < c`,
    `} from "x-25";`,
    `/**`,
    ` * a < b, and 25`,
    ` */`,
    `interface Shape {`,
    `  size: 25 | 26;`,
    `}`,
    `type Size = 25;`,
    `// a < b`,
    `const x = "a < b - 25"; // c < d`,
    `const y = z < 5;`,
  ].join("\n");
  const found = sitesIn("a.ts", text);
  deepEqual(new Set(found.map(({ line }) => line)), new Set([13]));
  deepEqual(found.map(({ pattern }) => pattern), ["constant", "comparison"]);
});

/** So many sites of each folder. */
function sitesOf(counts: Record<string, number>): Site[] {
  return Object.entries(counts).flatMap(([folder, count]) =>
    Array.from({ length: count }, (_, line) => {
      return { file: `${folder}/a.ts`, line, pattern: "sign", before: "", after: "" };
    })
  );
}

function chosen(sites: Site[], answers: (site: Site) => boolean = () => true): Site[] {
  const folderOf = ({ file }: Site) => file.split("/")[0]!;
  const generator = chooseSites(sites, { seed: 20261130, count: 9, least: 3, folderOf });
  const found: Site[] = [];
  let answer = true;
  for (let next = generator.next(); !next.done; next = generator.next(answer)) {
    answer = answers(next.value);
    if (answer) found.push(next.value);
  }
  return found;
}

Deno.test("chooseSites() takes as many as asked, from each folder some, the same each time", () => {
  const sites = sitesOf({ large: 500, small: 5, other: 20 });
  const found = chosen(sites);
  equal(found.length, 9);
  equal(new Set(found).size, 9);
  for (const folder of ["large", "small", "other"]) {
    ok(found.filter(({ file }) => file.startsWith(folder)).length >= 3, folder);
  }
  deepEqual(chosen(sites), found);
});

Deno.test("chooseSites() gives the next for one that does not count", () => {
  const sites = sitesOf({ large: 500, small: 8, other: 20 });
  const found = chosen(sites, ({ line }) => line % 2 === 0);
  equal(found.length, 9);
  ok(found.filter(({ file }) => file.startsWith("small")).length >= 3);
});
