/**
 * WGSL of the attention passes: one thread owns one frame, and meets every frame of the other side in turn.
 *
 * The forward pass and `dq` own a query and meet keys; `dk` and `dv` own a key and meet queries. Scores
 * are computed anew in each pass, so no T x T numbers are ever stored. The forward pass keeps the
 * largest score so far and shrinks its sums when a larger one comes (Milakov and Gimelshein 2018). The three
 * gradients are three roles of one program: each keeps a single row of sums in registers, which two would overflow.
 *
 * @module
 */
import { DROPOUT_FACTOR } from "./_wgsl.ts";

/** Threads, and so owned frames, of a workgroup. */
export const OWNED_FRAMES = 64;
/** Most numbers in a slab of met frames: 8 KiB, so that two fit the smallest workgroup memory. */
const SLAB_NUMBERS = 2048;
const MOST_MET_FRAMES = 32;

/** What the text of a pass depends on. */
export type PassConfig = {
  /** Numbers that are handled together: 4 where they divide the head, else 1. */
  width: 1 | 4;
  /** So many of them make one head of one frame. */
  parts: number;
  bias: boolean;
  dropout: boolean;
};

/** What the text of the forward pass depends on; whole clips have no lengths. */
export type ForwardConfig = PassConfig & { lengths: boolean };

/** A gradient that a workgroup makes. */
export type Role = "dq" | "dk" | "dv";

/** All roles, or those that bind within the fewest buffers. */
export const ROLES = {
  "dq dk dv": ["dq", "dk", "dv"],
  "dq": ["dq"],
  "dk dv": ["dk", "dv"],
} as const satisfies Record<string, readonly Role[]>;

/** What the text of the gradients depends on. */
export type GradientConfig = PassConfig & { roles: keyof typeof ROLES };

/** What each of them binds by parts, results included. */
export const FORWARD_VECTORS: readonly string[] = ["q", "k", "v", "context"];
/** As {@linkcode FORWARD_VECTORS}, of the gradients. */
export const GRADIENT_VECTORS: readonly string[] = ["q", "k", "v", "dy", "dq", "dk", "dv"];

/** A statement for each part of a head: spelt out, since arrays indexed in a loop leave the registers. */
function each(parts: number, statement: (n: number) => string): string {
  return Array.from({ length: parts }, (_, n) => statement(n)).join("\n            ");
}

/** WGSL of the forward pass: `context`, and for each query the logarithm of its sum of exponentials. */
export function forwardText(config: ForwardConfig): string {
  const { parts, lengths } = config;
  return `
    ${declarations(config)}
    ${dotText(config, { name: "score", owned: "query", slab: "keys" })}
    fn main() {
      let own = workgroupId.x * ${OWNED_FRAMES}u + localIndex;
      let head = workgroupId.y;
      let length = ${lengths ? "u32(lengths[workgroupId.z])" : "uniforms.frames"};
      ${each(parts, (n) => `query${n} = q[partOf(own, head) + ${n}u];`)}
      ${each(parts, (n) => `var sums${n} = Part();`)}
      var largest = -3.0e38;
      var sum = 0.0;
      for (var first = 0u; first < uniforms.frames; first += MET) {
        ${slabLoop("slab_keys[slot] = k[at]; slab_values[slot] = v[at];")}
        workgroupBarrier();
        for (var place = 0u; place < MET; place++) {
          let key = first + place;
          let met = place * PARTS;
          if (key < length && own < uniforms.frames) {
            let score = uniforms.scale * scoreWith(met) + biasOf(own, key, head);
            if (score > largest) {
              let shrink = exp(largest - score);
              largest = score;
              sum *= shrink;
              ${each(parts, (n) => `sums${n} *= shrink;`)}
            }
            let share = exp(score - largest);
            sum += share;
            let weight = share * factor(own, key, head);
            ${each(parts, (n) => `sums${n} += weight * slab_values[met + ${n}u];`)}
          }
        }
        workgroupBarrier();
      }
      if (own < uniforms.frames) {
        ${each(parts, (n) => `context[partOf(own, head) + ${n}u] = sums${n} / sum;`)}
        logSumExp[rowOf(own, head)] = largest + log(sum);
      }
    }
    ${slabs(config, ["keys", "values"])}
    ${privates(parts, ["query"])}`;
}

/**
 * WGSL of the gradients, for workgroups of `heads` times the roles along y.
 *
 * A thread has its own frame of one side, q and dy or k and v, in `near` and `far`; the slabs hold the other side's.
 * `statistics` has the log-sum-exp and delta of each query, and then the length of each clip.
 */
export function gradientText(config: GradientConfig): string {
  const { parts } = config;
  const roles: readonly Role[] = ROLES[config.roles];
  const ownsQuery = roles.length === 3 ? "role == 0u" : `${roles[0] === "dq"}`;
  const makesValue = roles.includes("dv") ? `role == ${roles.indexOf("dv")}u` : "false";
  const stores = roles.map((role, n) => `
          case ${n}u: { ${each(parts, (part) => `${role}[at + ${part}u] = sums${part};`)} }`);
  const has = (role: Role, then: string) => roles.includes(role) ? then : "";
  const either = (query: string, key: string) =>
    has("dq", `if (ownsQuery) { ${query} }`) + has("dk", `if (!ownsQuery) { ${key} }`);
  return `
    ${declarations(config)}
    ${dotText(config, { name: "score", owned: "near", slab: "near" })}
    ${dotText(config, { name: "slope", owned: "far", slab: "far" })}
    fn main() {
      let own = workgroupId.x * ${OWNED_FRAMES}u + localIndex;
      let role = workgroupId.y / uniforms.heads;
      let head = workgroupId.y % uniforms.heads;
      let ownsQuery = ${ownsQuery};
      let lengthAt = 2u * uniforms.frames * uniforms.heads * uniforms.clips + workgroupId.z;
      let length = u32(statistics[lengthAt]);
      let at = partOf(own, head);
      ${
    either(
      each(parts, (n) => `near${n} = q[at + ${n}u]; far${n} = dy[at + ${n}u];`),
      each(parts, (n) => `near${n} = k[at + ${n}u]; far${n} = v[at + ${n}u];`),
    )
  }
      ${each(parts, (n) => `var sums${n} = Part();`)}
      for (var first = 0u; first < uniforms.frames; first += MET) {
        ${
    slabLoop(
      either(
        "slab_near[slot] = k[at]; slab_far[slot] = v[at];",
        "slab_near[slot] = q[at]; slab_far[slot] = dy[at];",
      ),
    )
  }
        workgroupBarrier();
        for (var place = 0u; place < MET; place++) {
          let other = first + place;
          let met = place * PARTS;
          let query = select(other, own, ownsQuery);
          let key = select(own, other, ownsQuery);
          if (key < length && query < uniforms.frames) {
            let row = rowOf(query, head);
            let score = uniforms.scale * scoreWith(met) + biasOf(query, key, head);
            let probability = exp(score - statistics[2u * row]);
            if (${makesValue}) {
              let weight = probability * factor(query, key, head);
              ${each(parts, (n) => `sums${n} += weight * slab_far[met + ${n}u];`)}
            } else {
              let along = factor(query, key, head) * slopeWith(met) - statistics[2u * row + 1u];
              let weight = uniforms.scale * probability * along;
              ${each(parts, (n) => `sums${n} += weight * slab_near[met + ${n}u];`)}
            }
          }
        }
        workgroupBarrier();
      }
      if (own < uniforms.frames) {
        switch (role) {${stores.join("")}
          default: {}
        }
      }
    }
    ${slabs(config, ["near", "far"])}
    ${privates(parts, ["near", "far"])}`;
}

/** Fills the slabs from the frames met next; the statements know `slot` and `at`, its place in the tensors. */
function slabLoop(statements: string): string {
  return `
        for (var slot = localIndex; slot < MET * PARTS; slot += ${OWNED_FRAMES}u) {
          let at = partOf(first + slot / PARTS, head) + slot % PARTS;
          ${statements}
        }`;
}

function slabs(config: PassConfig, names: string[]): string {
  const numbers = metFramesOf(config) * config.parts;
  return names.map((name) => `var<workgroup> slab_${name}: array<Part, ${numbers}>;`).join(
    "\n    ",
  );
}

function privates(parts: number, names: string[]): string {
  return names.map((name) => each(parts, (n) => `var<private> ${name}${n}: Part;`)).join("\n    ");
}

function metFramesOf({ parts, width }: PassConfig): number {
  const most = Math.floor(SLAB_NUMBERS / (parts * width));
  return Math.max(1, Math.min(MOST_MET_FRAMES, most));
}

/** `<name>With(met)`: the product of the thread's own frame and one in a slab. */
function dotText(
  { width, parts }: PassConfig,
  { name, owned, slab }: { name: string; owned: string; slab: string },
): string {
  const product = (a: string, b: string) => width === 4 ? `dot(${a}, ${b})` : `${a} * ${b}`;
  return `
    fn ${name}With(met: u32) -> f32 {
      var sum = 0.0;
      ${each(parts, (n) => `sum += ${product(`${owned}${n}`, `slab_${slab}[met + ${n}u]`)};`)}
      return sum;
    }`;
}

/** Positions, those of frames past the end being the last one's, and what belongs to a pair of query and key. */
function declarations(config: PassConfig): string {
  const { width, parts, bias, dropout } = config;
  const pair = "rowOf(query, head) * uniforms.frames + key";
  const biased = `bias[${pair} - workgroupId.z * uniforms.sharedBias]`;
  return `
    alias Part = ${width === 4 ? "vec4<f32>" : "f32"};
    const PARTS = ${parts}u;
    const MET = ${metFramesOf(config)}u;
    fn partOf(frame: u32, head: u32) -> u32 {
      let row = workgroupId.z * uniforms.frames + min(frame, uniforms.frames - 1u);
      return (row * uniforms.heads + head) * PARTS;
    }
    fn rowOf(query: u32, head: u32) -> u32 {
      return (workgroupId.z * uniforms.heads + head) * uniforms.frames + query;
    }
    fn biasOf(query: u32, key: u32, head: u32) -> f32 { return ${bias ? biased : "0.0"}; }
    ${dropout ? DROPOUT_FACTOR : ""}
    fn factor(query: u32, key: u32, head: u32) -> f32 {
      return ${dropout ? `dropoutFactor(${pair})` : "1.0"};
    }`;
}
