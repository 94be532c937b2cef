/**
 * Pieces of WGSL that several kernels share: the normal distribution, dropout's draw, sums over a workgroup.
 *
 * @module
 */
/**
 * `normalDistribution(x)` and `normalDensity(x)`.
 *
 * WGSL has no erf. For z >= 0 the upper tail is `exp(-z^2 / 2) P(t)` with `t = 1 / (1 + 0.35 z)`; `P` is our
 * own minimax fit of degree 9 over 0 to 13.5, relative error 3.2e-8. In single precision the tail is
 * right to 1.2e-6 of itself and 1.8e-7 absolutely.
 */
export const NORMAL_DISTRIBUTION = `
  fn normalDensity(x: f32) -> f32 {
    return 0.3989422804 * exp(-0.5 * x * x);
  }
  fn normalDistribution(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.35 * abs(x));
    var p = -0.02912587672;
    p = p * t + 0.14387229085;
    p = p * t - 0.25550466776;
    p = p * t + 0.15892940760;
    p = p * t - 0.02293721929;
    p = p * t + 0.10543297231;
    p = p * t + 0.11985243112;
    p = p * t + 0.13985908031;
    p = p * t + 0.13962157071;
    let tail = p * t * exp(-0.5 * x * x);
    return select(tail, 1.0 - tail, x >= 0.0);
  }`;

/** `sigmoid(x)`, the logistic function, without overflow. */
export const SIGMOID = `
  fn sigmoid(x: f32) -> f32 {
    let power = exp(-abs(x));
    return select(power, 1.0, x >= 0.0) / (1.0 + power);
  }`;

/**
 * `dropoutFactor(index)`: 0, or `1 / (1 - rate)` where the element is kept.
 *
 * The hash is `keepHash` of the contract; uniforms `seed`, `threshold` and `keptScale` as from
 * {@linkcode dropoutUniforms}.
 */
export const DROPOUT_FACTOR = `
  fn dropoutFactor(index: u32) -> f32 {
    var hash = index * 0x9e3779b9u + uniforms.seed;
    hash = (hash ^ (hash >> 16u)) * 0x85ebca6bu;
    hash = (hash ^ (hash >> 13u)) * 0xc2b2ae35u;
    hash = hash ^ (hash >> 16u);
    return select(0.0, uniforms.keptScale, hash >= uniforms.threshold);
  }`;

/**
 * `sumWorkgroup(value)`, `maxWorkgroup(value)`: over all threads of the workgroup, the same for each.
 *
 * Memory: one number per thread. @param threads a power of two.
 */
export function workgroupReduction(threads: number): string {
  const reduction = (name: string, combined: string) => `
    fn ${name}(value: f32) -> f32 {
      partial[localIndex] = value;
      workgroupBarrier();
      for (var half = ${threads / 2}u; half > 0u; half = half / 2u) {
        if (localIndex < half) {
          let other = partial[localIndex + half];
          partial[localIndex] = ${combined};
        }
        workgroupBarrier();
      }
      let whole = partial[0];
      workgroupBarrier();
      return whole;
    }`;
  return `
    var<workgroup> partial: array<f32, ${threads}>;
    ${reduction("sumWorkgroup", "partial[localIndex] + other")}
    ${reduction("maxWorkgroup", "max(partial[localIndex], other)")}`;
}
