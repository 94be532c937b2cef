/**
 * The parts of the page that have rules of their own: templates, numbers, axes, colours.
 *
 * @module
 */
import assert from "node:assert/strict";
import { html, jsonElement, Markup } from "../../src/report/_html.ts";
import { roundTicks } from "../../src/report/_line_chart.ts";
import { count, percent, scientific, seconds, short } from "../../src/report/_numbers.ts";
import { HEAT_LEVELS, heatColors, luminance, PALETTE } from "../../src/report/_style.ts";

Deno.test("html escapes text, keeps markup, and drops what is not there", () => {
  const inner = html`<b>${"<&>"}</b>`;
  assert.equal(
    html`<p title="${`"'`}">${[inner, 3, undefined, false]}</p>`.text,
    `<p title="&quot;&#39;"><b>&lt;&amp;&gt;</b>3</p>`,
  );
  assert.equal(html`${new Markup("<i>")}${"\x00\u202e"}`.text, "<i>\ufffd\ufffd");
});

Deno.test("jsonElement() cannot be closed by its content", () => {
  const { text } = jsonElement("data", ["</script>"]);
  assert.equal(text.match(/<\/script>/g)?.length, 1);
  assert.deepEqual(JSON.parse(text.slice(text.indexOf(">") + 1, text.lastIndexOf("<"))), [
    "</script>",
  ]);
});

Deno.test("percent() says 0 and 100 only where they are exact", () => {
  const shown = [0, 0.0001, 0.5, 0.99999, 1].map((share) => percent(share).replace("\u202f", " "));
  assert.deepEqual(shown, ["0 %", "<0.1 %", "50.0 %", ">99.9 %", "100 %"]);
});

Deno.test("short(), count() and seconds() show what matters", () => {
  assert.deepEqual([0, 0.5, 3e-5, 1234, 1.5e6].map(short), ["0", "0.500", "3e-5", "1234", "1.5e6"]);
  assert.deepEqual([0, 0.00167, 2e-3, 0.5].map(scientific), ["0", "1.67e-3", "2e-3", "0.500"]);
  assert.deepEqual([7, 1234567].map(count), ["7", "1\u202f234\u202f567"]);
  assert.deepEqual([1.25, 42, 59.7, 61, 119.7, 7260].map(seconds), [
    "1.3 s",
    "42 s",
    "1 min 0 s",
    "1 min 1 s",
    "2 min 0 s",
    "2 h 1 min",
  ]);
});

Deno.test("roundTicks() are few, round, and reach below the lowest", () => {
  assert.deepEqual(roundTicks(0, 1), [0, 0.5, 1]);
  assert.deepEqual(roundTicks(0, 2.6), [0, 1, 2, 3]);
  assert.deepEqual(roundTicks(-3, 4), [-4, -2, 0, 2, 4]);
  assert.deepEqual(roundTicks(0, 5e-5).map((tick) => tick.toExponential(0)), [
    "0e+0",
    "2e-5",
    "4e-5",
    "6e-5",
  ]);
  for (const [low, high] of [[0, 0], [5, 5], [1e-9, 1e9]] as const) {
    const ticks = roundTicks(low, high);
    assert.ok(ticks.length >= 2 && ticks.length <= 8, String(ticks));
    assert.ok(ticks[0]! <= low);
  }
});

function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high! + 0.05) / (low! + 0.05);
}

Deno.test("luminance() is that of WCAG", () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
  assert.equal(contrast("#767676", "#ffffff").toFixed(2), "4.54");
});

for (const theme of ["light", "dark"] as const) {
  const colors = PALETTE[theme];
  Deno.test(`the ${theme} palette is readable as text on page and card`, () => {
    for (const ground of ["page", "surface"] as const) {
      for (const name of ["ink", "muted", "blue", "orange", "purple"] as const) {
        const found = contrast(colors[name], colors[ground]);
        assert.ok(found >= 4.5, `${name} on ${ground}: ${found.toFixed(2)}`);
      }
      assert.ok(contrast(colors.slate, colors[ground]) >= 3);
    }
  });

  Deno.test(`the numbers of the ${theme} confusion matrix are readable on every shade`, () => {
    for (const hue of ["blue", "orange"] as const) {
      for (let level = 1; level <= HEAT_LEVELS; level++) {
        const { ground, text } = heatColors({ theme, hue, level });
        const found = contrast(text, ground);
        assert.ok(found >= 4.5, `${hue} ${level}: ${found.toFixed(2)}`);
      }
    }
  });
}

/** Colours as someone without one kind of cone sees them, after Vienot, Brettel and Mollon 1999. */
const BLINDNESS: Readonly<Record<string, readonly (readonly number[])[]>> = {
  protanopia: [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
  deuteranopia: [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
};

Deno.test("blue and orange are far apart for colour-blind readers too", () => {
  for (const [kind, matrix] of Object.entries(BLINDNESS)) {
    for (const { blue, orange } of Object.values(PALETTE)) {
      const seen = [blue, orange].map((hex) => {
        const linear = [1, 3, 5].map((at) => (parseInt(hex.slice(at, at + 2), 16) / 255) ** 2.2);
        return matrix.map((row) =>
          Math.max(0, row.reduce((sum, x, i) => sum + x * linear[i]!, 0)) ** (1 / 2.2)
        );
      });
      const apart = Math.hypot(...seen[0]!.map((x, i) => x - seen[1]![i]!));
      assert.ok(apart > 0.35, `${kind}: ${blue} and ${orange} are ${apart.toFixed(2)} apart`);
    }
  }
});
