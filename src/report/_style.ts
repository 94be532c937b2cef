/**
 * The look of the page: system fonts, four hues that colour-blind readers tell apart, light and dark and paper.
 *
 * Blue and orange (after Okabe and Ito, 2008) carry all meaning, and never alone: words or places say the same.
 * Shades of the confusion matrix are mixed from them, and carry black or white text, whichever reads better; the
 * tests compute the contrasts.
 *
 * @module
 */

/** Colours by name, for the light page and the dark one. */
export const PALETTE = {
  light: {
    page: "#faf9f6",
    surface: "#ffffff",
    ink: "#1d1f23",
    muted: "#5c6068",
    rule: "#e2dfd8",
    blue: "#1b6ca8",
    orange: "#bf5209",
    purple: "#7b4fa0",
    slate: "#66727f",
  },
  dark: {
    page: "#131518",
    surface: "#1b1e22",
    ink: "#eceae5",
    muted: "#a3a7ae",
    rule: "#30343a",
    blue: "#64b1ee",
    orange: "#f09a4b",
    purple: "#c2a1e6",
    slate: "#8f9ba8",
  },
} as const;

/** Steps of the confusion matrix, 1 to 10. */
export const HEAT_LEVELS = 10;

/** The light page or the dark one. */
export type Theme = keyof typeof PALETTE;

/** A step of the confusion matrix: blue is right, orange is wrong. */
export interface HeatStep {
  theme: Theme;
  hue: "blue" | "orange";
  level: number;
}

function tokens(colors: Readonly<Record<string, string>>): string {
  return Object.entries(colors).map(([name, value]) => `--${name}:${value}`).join(";");
}

/** The colour of a step, and black or white for its text, whichever reads better. */
export function heatColors({ theme, hue, level }: HeatStep): { ground: string; text: string } {
  const share = level / HEAT_LEVELS;
  const over = channels(PALETTE[theme][hue]);
  const under = channels(PALETTE[theme].surface);
  const mix = over.map((value, i) => Math.round(share * value + (1 - share) * under[i]!));
  const ground = `#${mix.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
  return { ground, text: luminance(ground) > EQUAL_CONTRAST ? "#000000" : "#ffffff" };
}

/** The luminance on which black and white read equally well. */
const EQUAL_CONTRAST = Math.sqrt(1.05 * 0.05) - 0.05;

function channels(hex: string): number[] {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** Relative luminance as WCAG 2.2 defines it, 0 for black and 1 for white. */
export function luminance(hex: string): number {
  const [red, green, blue] = channels(hex).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function heatRules(theme: Theme): string {
  const steps = Array.from({ length: HEAT_LEVELS }, (_, i) => i + 1);
  return steps.map((level) => {
    const right = heatColors({ theme, hue: "blue", level });
    const wrong = heatColors({ theme, hue: "orange", level });
    return `.h${level}.right{background:${right.ground};fill:${right.ground};color:${right.text}}\n` +
      `.h${level}.wrong{background:${wrong.ground};fill:${wrong.ground};color:${wrong.text}}`;
  }).join("\n");
}

const LAYOUT = `
*{box-sizing:border-box}
html{color-scheme:light dark;scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:72rem;padding:0 clamp(1rem,4vw,2.5rem) 5rem;background:var(--page);color:var(--ink);
  font:400 1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;overflow-wrap:anywhere}
h1,h2,.figures dd{font-family:Charter,"Bitstream Charter","Sitka Text",Cambria,Georgia,serif;font-weight:400;text-wrap:balance}
h1{font-size:clamp(2rem,6vw,3.2rem);line-height:1.1;margin:.2rem 0 .6rem;letter-spacing:-.015em}
h2{font-size:1.75rem;line-height:1.2;margin:0 0 .5rem;letter-spacing:-.01em}
h3{font-size:1rem;font-weight:600;margin:0}
p{margin:0 0 .75rem}
header{padding-top:clamp(2rem,7vw,4.5rem)}
section{padding-top:4rem;scroll-margin-top:1.5rem}
.eyebrow{color:var(--muted);font-size:.875rem;margin:0}
.lead{font-size:1.2rem;color:var(--muted);max-width:46rem}
.note{color:var(--muted);font-size:.9rem;max-width:44rem}
.hidden{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden;white-space:nowrap}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1.4rem;margin-top:2rem;padding:.7rem 0;border-block:1px solid var(--rule);font-size:.9rem}
a{color:var(--blue);text-decoration:none}
a:hover{text-decoration:underline}
:focus-visible{outline:2px solid var(--blue);outline-offset:2px;border-radius:3px}
button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer;text-align:inherit}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:1.5rem 2rem;margin:2.2rem 0 0}
.figures dt{font-size:.85rem;color:var(--muted)}
.figures dd{margin:0;font-size:clamp(1.7rem,4vw,2.3rem);line-height:1.15;font-variant-numeric:lining-nums}
.figures small{display:block;font:400 .82rem/1.4 system-ui,sans-serif;color:var(--muted);margin-top:.25rem}
details{margin-top:1rem;font-size:.9rem}
summary{cursor:pointer;color:var(--blue);width:fit-content}
.split{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:1.5rem 3rem;align-items:start}
.prose>p:first-child{font-size:1.1rem}
@media(max-width:44rem){.split{grid-template-columns:minmax(0,1fr)}}
`;

const CHARTS = `
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:2rem 1.5rem;margin-top:1.2rem}
.chart{margin:0;position:relative;max-width:34rem}
.chart figcaption .note{margin:.1rem 0 .4rem;font-size:.85rem}
.chart.square{max-width:23rem;width:100%}
.chart svg{display:block;width:100%;height:auto;touch-action:pan-y;overflow:visible}
svg text{font:400 12px system-ui,sans-serif;font-variant-numeric:tabular-nums;fill:var(--muted)}
.axis line{stroke:var(--rule);stroke-width:1}
.axis .diagonal{stroke:var(--muted);stroke-dasharray:3 4}
.line{fill:none;stroke:var(--hue);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.dot{fill:var(--hue);stroke:var(--page);stroke-width:1}
.fill{fill:var(--hue)}
.pale{opacity:.55}
svg text.end{fill:var(--hue);font-weight:600}
.s0{--hue:var(--blue)}.s1{--hue:var(--orange)}.s2{--hue:var(--purple)}.s3{--hue:var(--slate)}
.cursor[hidden]{display:none}
.cursor line{stroke:var(--muted);stroke-width:1}
.cursor circle{stroke:var(--page);stroke-width:2;fill:var(--hue)}
.readout{min-height:1.5em;margin:.2rem 0 0;font-size:.85rem;color:var(--muted);font-variant-numeric:tabular-nums}
.readout b{font-weight:600;color:var(--hue);margin-right:.7em}
`;

const TABLES = `
.scroll{overflow-x:auto;max-width:100%}
.tall{max-height:34rem;overflow:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums lining-nums}
.numbers{width:100%;font-size:.92rem}
.numbers th,.numbers td{padding:.38rem .8rem .38rem 0;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap;font-weight:400}
.numbers th:first-child{text-align:left;white-space:normal;min-width:7rem}
.numbers thead th{position:sticky;top:0;background:var(--page);color:var(--muted);font-size:.85rem;z-index:1}
.numbers button{position:relative}
.numbers button::after{position:absolute;left:100%;padding-left:.1em}
[aria-sort=ascending] button::after{content:"\\2191"}
[aria-sort=descending] button::after{content:"\\2193"}
[aria-sort=ascending],[aria-sort=descending]{color:var(--ink)!important}
.bar{width:clamp(2rem,9vw,7rem);height:.5rem;vertical-align:middle;margin-right:.7rem}
.narrow .bar{width:clamp(1.5rem,5vw,4rem);margin-right:.3rem}
.narrow td .figure{min-width:2.4em}
.bar rect{fill:var(--rule)}
@media screen and (max-width:44rem){
  .tall,.found{max-height:none}
  .numbers td{vertical-align:top;padding-left:0;padding-right:.55rem}
  .numbers .bar{display:none}
  .numbers td .figure{min-width:0}
  .matrix tbody th{min-width:6.5rem;max-width:7.5rem;font-size:.75rem}
}
.bar .fill{fill:var(--hue)}
.confusion{display:grid;grid-template-columns:minmax(0,1fr) 19rem;gap:1.5rem 2.5rem;margin-top:1rem;align-items:start}
@media(max-width:56rem){.confusion{grid-template-columns:minmax(0,1fr)}}
.matrix{border-collapse:separate;border-spacing:2px;font-size:.85rem}
.matrix th{font-weight:400;color:var(--muted);max-width:11rem}
.matrix tbody th{text-align:right;padding-right:.5rem;line-height:1.15;min-width:6rem;position:sticky;left:0;background:var(--page);z-index:1}
.matrix thead th{vertical-align:bottom;padding-bottom:.3rem}
.matrix thead span{writing-mode:vertical-rl;transform:rotate(180deg);max-height:9rem;text-align:left;line-height:1.1}
.matrix td{width:2.2rem;min-width:2.1rem;height:2.2rem;padding:0;border-radius:3px;background:color-mix(in srgb,var(--rule) 28%,transparent)}
.matrix thead td{background:none}
.matrix .diagonal{background:color-mix(in srgb,var(--rule) 70%,transparent)}
.matrix button{display:block;width:100%;height:2.2rem;text-align:center;border-radius:3px}
.dense{font-size:.75rem}
.dense td,.dense button{width:1.65rem;min-width:1.65rem;height:1.65rem}
.dense tbody th{min-width:14rem}
.confusion.wide{grid-template-columns:minmax(0,1fr)}
.roomy td,.roomy button{min-width:3.6rem;height:3.2rem}
.roomy{font-size:1rem}
.roomy small{display:block;font-size:.72rem;line-height:1.1}
@media screen and (max-width:44rem){.roomy td,.roomy button{min-width:2.7rem;height:2.7rem}.roomy small{font-size:.65rem}}
.matrix button:hover,.heatmap rect[data-cell]:hover{outline:2px solid var(--ink);outline-offset:0}
.matrix [aria-pressed=true]{outline:2px solid var(--ink);outline-offset:1px}
.pairs [aria-pressed=true]{background:color-mix(in srgb,var(--rule) 70%,transparent)}
.key{display:inline-block;padding:0 .5rem;border-radius:3px;font-size:.85rem}
.heatmap{display:block;width:100%;max-width:44rem;height:auto}
.heatmap .ground{fill:color-mix(in srgb,var(--rule) 35%,var(--page))}
.heatmap [data-cell]{cursor:pointer}
.pairs,.clips,.scores,.facts,.found{list-style:none;margin:.3rem 0 0;padding:0}
.pairs button{display:flex;justify-content:space-between;gap:1rem;width:100%;padding:.4rem .3rem;border-bottom:1px solid var(--rule);font-size:.92rem}
.pairs button:hover{background:color-mix(in srgb,var(--rule) 45%,transparent)}
b{font-weight:600}
.numbers td .figure{display:inline-block;min-width:3.2em}
.figure{font-variant-numeric:tabular-nums;white-space:nowrap}
.figure small{display:inline-block;min-width:3.4em;text-align:right;color:var(--muted);font-size:.85em}
.facts+.chart{margin-top:1.5rem}
#cell{margin-top:1.5rem;font-size:.9rem}
.found li{display:flex;gap:.8rem;justify-content:space-between;border-bottom:1px solid var(--rule);padding:.3rem 0}
.found{max-height:20rem;overflow:auto}
`;

const CLIPS = `
.clips{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr));gap:1rem;margin-top:1.2rem}
.clip{background:var(--surface);border:1px solid var(--rule);border-radius:10px;padding:1rem 1.1rem;display:flex;flex-direction:column;gap:.7rem}
.clip:target{border-color:var(--blue)}
.what{display:flex;justify-content:space-between;gap:1rem;align-items:baseline}
.taken{font-weight:400;color:var(--muted)}
.taken b{color:var(--orange)}
.loss{white-space:nowrap;color:var(--muted);font-size:.85rem;font-variant-numeric:tabular-nums}
.loss::before{content:"loss "}
.player{position:relative;display:grid;gap:.5rem}
.player audio{width:100%}
.stage{display:grid;grid-template-columns:2.6rem minmax(0,1fr);gap:.7rem;align-items:center}
.play{width:2.6rem;height:2.6rem;border-radius:50%;border:1.5px solid var(--blue);color:var(--blue);display:grid;place-items:center}
.play:hover{background:var(--blue);color:var(--surface)}
.play svg{width:1rem;height:1rem;fill:currentColor}
.track{position:relative;display:grid;gap:3px}
.wave:not(.lanes){width:100%;height:3rem;display:block}
.wave path{fill:color-mix(in srgb,var(--slate) 75%,var(--surface))}
.track canvas{width:100%;height:4rem;display:block;border-radius:3px}
.track input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;cursor:pointer}
.track:has(input:focus-visible){outline:2px solid var(--blue);outline-offset:3px;border-radius:3px}
.head{position:absolute;inset:0;width:100%;height:100%;pointer-events:none;overflow:visible}
.head line{stroke:var(--ink);stroke-width:1.5}
.scores{font-size:.88rem}
.scores li{display:grid;grid-template-columns:minmax(0,1fr) 5rem 3rem;gap:.6rem;align-items:center;color:var(--muted)}
.scores span:first-child{line-height:1.25}
.scores .bar{width:100%;margin:0}
.scores .figure{text-align:right}
.scores .actual{color:var(--ink);font-weight:600}
.file{margin:auto 0 0;color:var(--ink);font:400 .78rem/1.4 ui-monospace,"SF Mono",Menlo,Consolas,monospace}
.file span{color:var(--muted)}
.length{float:right;white-space:nowrap;padding-left:1em}
.lists h3:not(:first-child){margin-top:1.8rem}
dl{margin:.4rem 0 0}
.lists dl>div{display:flex;justify-content:space-between;gap:1.5rem;padding:.3rem 0;border-bottom:1px solid var(--rule);font-size:.9rem;break-inside:avoid}
.lists dt{color:var(--muted)}
.lists dd{margin:0;text-align:right;font-variant-numeric:tabular-nums}
`;

const TIMELINES = `
.timeline{margin:2rem 0 0}
.timeline .file{margin:0;font-size:.9rem}
.timeline figcaption .note{margin:.1rem 0 .6rem}
.lanes{display:block;width:100%;overflow:hidden}
.lanes line{stroke:var(--rule);stroke-width:1}
.lanes .part{fill:color-mix(in srgb,var(--slate) 22%,transparent)}
.lanes .right{fill:var(--blue)}
.lanes .false{fill:var(--orange)}
.lanes .missed{fill:var(--page);stroke:var(--orange);stroke-width:1.5}
.mark{display:inline-block;width:.9rem;height:.55rem;vertical-align:baseline;margin-left:.3rem}
.mark.right{background:var(--blue)}
.mark.false{background:var(--orange)}
.mark.missed{border:1.5px solid var(--orange)}
.times{display:flex;justify-content:space-between;margin:.1rem 0 .9rem;color:var(--muted);font-size:.8rem;font-variant-numeric:tabular-nums}
.silent,.timeline .stage{display:grid;grid-template-columns:4.5rem minmax(0,1fr);gap:.7rem;align-items:start}
.timeline .player+.times,.silent+.times{margin-left:5.2rem}
.timeline .track canvas{height:7rem}
.names{list-style:none;margin:0;padding:0;text-align:right;font-size:.78rem;color:var(--muted)}
.names li{height:22px;line-height:22px}
.long .names li{height:36px;line-height:11.5px;font-size:.7rem;display:grid;align-content:center;overflow:hidden}
.timeline .long .stage,.silent.long{grid-template-columns:clamp(4.5rem,30vw,11rem) minmax(0,1fr)}
.timeline .long+.times{margin-left:calc(clamp(4.5rem,30vw,11rem) + .7rem)}
.side{display:grid;gap:3px;justify-items:end}
.side .names{width:100%}
.side .play{margin-top:2.2rem}
`;

const PAPER = `
@media(prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
@media print{
  :root{${tokens(PALETTE.light)};--page:#fff}
  body{max-width:none;padding:0;font-size:10pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}
  nav,audio,.play,.readout,#cell,.key+.key~button{display:none}
  section{padding-top:2rem}
  .tall,.found{max-height:none;overflow:visible}
  .clip,.chart,tr,h2,.figures{break-inside:avoid}
  h2,h3{break-after:avoid}
  .stage{grid-template-columns:minmax(0,1fr)}
  .clips{grid-template-columns:1fr 1fr}
}
`;

/** The whole style sheet. */
export const STYLE: string = `:root{${tokens(PALETTE.light)}}
@media screen and (prefers-color-scheme:dark){:root{${tokens(PALETTE.dark)}}}
${LAYOUT}${CHARTS}${TABLES}${heatRules("light")}
@media screen and (prefers-color-scheme:dark){${heatRules("dark")}}
${CLIPS}${TIMELINES}${PAPER}`;
