/**
 * WGSL of the attention passes: one thread owns one frame, and meets every frame of the other side in turn.
 *
 * A forward pass and `dq` own a query and meet keys; `dk` and `dv` own a key and meet queries. Scores
 * are computed anew in each pass, so no T x T numbers are ever stored. The forward pass keeps the
 * largest score so far and shrinks its sums when a larger one comes (Milakov and Gimelshein 2018).
 *
 * @module
 */
import { DROPOUT_FACTOR } from "./_wgsl.ts";

/** Threads, and so owned frames, of a workgroup. */
export const OWNED_FRAMES = 64;
/** Most numbers in a slab of met frames: 8 KiB, so that two fit the smallest workgroup memory. */
const SLAB_NUMBERS = 2048;
const MOST_MET_FRAMES = 32;

/** A result that needs a loop of its own. */
export type Pass = "logSumExp" | "context" | "dq" | "dk" | "dv";

/** What the text of a pass depends on. */
export type PassConfig = {
  pass: Pass;
  /** Numbers that are handled together: 4 where they divide the head, else 1. */
  width: 1 | 4;
  /** So many of them make one head of one frame. */
  parts: number;
  bias: boolean;
  dropout: boolean;
};

/** How a pass goes: what it owns and meets, and what it does with a pair. */
interface PassText {
  /** Tensors of which a thread keeps its own frame in registers. */
  owned: string[];
  /** Tensors of which the met frames are shared in workgroup memory. */
  met: string[];
  ownsQuery: boolean;
  /** Whether it reads the log-sum-exp and delta of each query. */
  statistics: boolean;
  start: string;
  /** Statements for one pair; they know `query`, `key`, `score`, and `met`, the place in the slabs. */
  pair: (parts: number) => string;
  finish: (parts: number) => string;
}

const ONLINE = "var largest = -3.0e38; var sum = 0.0;";
const PROBABILITY = "let probability = exp(score - statistics[2u * rowOf(query)]);";
const SLOPE = `
            ${PROBABILITY}
            let along = factor(query, key) * dotOf_dy_v(met) - statistics[2u * rowOf(query) + 1u];
            let weight = uniforms.scale * probability * along;`;
const SHARE = `
            ${PROBABILITY}
            let weight = probability * factor(query, key);`;

const PASSES: Record<Pass, PassText> = {
  logSumExp: {
    owned: ["q"],
    met: ["k"],
    ownsQuery: true,
    statistics: false,
    start: ONLINE,
    pair: () => `
            let former = largest;
            largest = max(largest, score);
            sum = sum * exp(former - largest) + exp(score - largest);`,
    finish: () => "result[rowOf(own)] = largest + log(sum);",
  },
  context: {
    owned: ["q"],
    met: ["k", "v"],
    ownsQuery: true,
    statistics: false,
    start: ONLINE,
    pair: (parts) => `
            if (score > largest) {
              let shrink = exp(largest - score);
              largest = score;
              sum *= shrink;
              ${each(parts, (n) => `sums${n} *= shrink;`)}
            }
            let share = exp(score - largest);
            sum += share;
            let weight = share * factor(query, key);
            ${each(parts, (n) => `sums${n} += weight * slab_v[met + ${n}u];`)}`,
    finish: (parts) => each(parts, (n) => `result[partOf(own) + ${n}u] = sums${n} / sum;`),
  },
  dq: gradientPass({ owned: ["q", "dy"], met: ["k", "v"], weight: SLOPE, times: "k" }),
  dk: gradientPass({ owned: ["k", "v"], met: ["q", "dy"], weight: SLOPE, times: "q" }),
  dv: gradientPass({ owned: ["k"], met: ["q", "dy"], weight: SHARE, times: "dy" }),
};

function gradientPass(
  { owned, met, weight, times }:
    & Pick<PassText, "owned" | "met">
    & Record<"weight" | "times", string>,
): PassText {
  return {
    owned,
    met,
    ownsQuery: owned.includes("q"),
    statistics: true,
    start: "",
    pair: (parts) => `
            ${weight}
            ${each(parts, (n) => `sums${n} += weight * slab_${times}[met + ${n}u];`)}`,
    finish: (parts) => each(parts, (n) => `result[partOf(own) + ${n}u] = sums${n};`),
  };
}

/** A statement for each part of a head: spelt out, since arrays indexed in a loop leave the registers. */
function each(parts: number, statement: (n: number) => string): string {
  return Array.from({ length: parts }, (_, n) => statement(n)).join("\n            ");
}

/** The inputs of a pass by name, in the order in which they are bound. */
export function inputsOfPass({ pass, bias }: Pick<PassConfig, "pass" | "bias">): string[] {
  const { owned, met, statistics } = PASSES[pass];
  return [
    ...owned,
    ...met,
    "lengths",
    ...(statistics ? ["statistics"] : []),
    ...(bias ? ["bias"] : []),
  ];
}

/** What a pass reads and writes by parts, under the names of its arrays. */
export function vectorsOfPass(pass: Pass): string[] {
  const { owned, met } = PASSES[pass];
  return [...owned, ...met, ...(pass === "logSumExp" ? [] : ["result"])];
}

/** WGSL of one pass. */
export function passText(config: PassConfig): string {
  const { owned, met, ownsQuery, start, pair, finish } = PASSES[config.pass];
  const { parts } = config;
  const [query, key] = ownsQuery ? ["own", "other"] : ["other", "own"];
  return `
    ${declarations(config)}
    fn main() {
      let own = workgroupId.x * ${OWNED_FRAMES}u + localIndex;
      let length = u32(lengths[workgroupId.z]);
      ${
    owned.map((name) => each(parts, (n) => `own_${name}${n} = ${name}[partOf(own) + ${n}u];`)).join(
      "",
    )
  }
      ${each(parts, (n) => `var sums${n} = Part();`)}
      ${start}
      for (var first = 0u; first < uniforms.frames; first += MET) {
        for (var slot = localIndex; slot < MET * PARTS; slot += ${OWNED_FRAMES}u) {
          ${
    met.map((name) => `slab_${name}[slot] = ${name}[partOf(first + slot / PARTS) + slot % PARTS];`)
      .join(" ")
  }
        }
        workgroupBarrier();
        for (var place = 0u; place < MET; place++) {
          let other = first + place;
          let met = place * PARTS;
          let query = ${query};
          let key = ${key};
          if (key < length && query < uniforms.frames) {
            let score = scoreOf(query, key, met);
            ${pair(parts)}
          }
        }
        workgroupBarrier();
      }
      if (own < uniforms.frames) {
        ${finish(parts)}
      }
    }`;
}

function declarations(config: PassConfig): string {
  const { owned, met, ownsQuery } = PASSES[config.pass];
  const { parts, width, pass } = config;
  const most = Math.floor(SLAB_NUMBERS / (parts * width));
  const metFrames = Math.max(1, Math.min(MOST_MET_FRAMES, most));
  const sloped = pass === "dq" || pass === "dk";
  return `
    alias Part = ${width === 4 ? "vec4<f32>" : "f32"};
    const PARTS = ${parts}u;
    const MET = ${metFrames}u;
    ${owned.map((name) => each(parts, (n) => `var<private> own_${name}${n}: Part;`)).join("")}
    ${met.map((name) => `var<workgroup> slab_${name}: array<Part, ${parts * metFrames}>;`).join("")}
    ${dotText("dotOf_q_k", ownsQuery ? ["q", "k"] : ["k", "q"], config)}
    ${sloped ? dotText("dotOf_dy_v", ownsQuery ? ["dy", "v"] : ["v", "dy"], config) : ""}
    ${pairText(config)}`;
}

function dotText(
  name: string,
  [owned, met]: [string, string],
  { width, parts }: PassConfig,
): string {
  const product = (a: string, b: string) => width === 4 ? `dot(${a}, ${b})` : `${a} * ${b}`;
  return `
    fn ${name}(met: u32) -> f32 {
      var sum = 0.0;
      ${each(parts, (n) => `sum += ${product(`own_${owned}${n}`, `slab_${met}[met + ${n}u]`)};`)}
      return sum;
    }`;
}

/** Positions, those of frames past the end being the last one's, and what belongs to a pair of query and key. */
function pairText({ bias, dropout }: PassConfig): string {
  const biased = " + bias[pairOf(query, key) - workgroupId.z * uniforms.sharedBias]";
  return `
    fn partOf(frame: u32) -> u32 {
      let row = workgroupId.z * uniforms.frames + min(frame, uniforms.frames - 1u);
      return (row * uniforms.heads + workgroupId.y) * PARTS;
    }
    fn rowOf(query: u32) -> u32 {
      return (workgroupId.z * uniforms.heads + workgroupId.y) * uniforms.frames + query;
    }
    fn pairOf(query: u32, key: u32) -> u32 { return rowOf(query) * uniforms.frames + key; }
    fn scoreOf(query: u32, key: u32, met: u32) -> f32 {
      return uniforms.scale * dotOf_q_k(met)${bias ? biased : ""};
    }
    ${dropout ? DROPOUT_FACTOR : ""}
    fn factor(query: u32, key: u32) -> f32 {
      return ${dropout ? "dropoutFactor(pairOf(query, key))" : "1.0"};
    }`;
}
