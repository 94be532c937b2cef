/**
 * WGSL of the products of affine maps: forward, by the input and by the parameters, for one map or several of one input.
 *
 * Tensors of a map have its number behind their names; a program with several maps does in one run what each would
 * do alone. Where sizes allow, all are read and written four numbers at a time (`wide`).
 *
 * @module
 */
import type { Activation } from "../../kernels.ts";
import { gemmText, type TileName } from "./_gemm.ts";
import { DROPOUT_FACTOR } from "./_wgsl.ts";
import { activationText } from "./activation.ts";

/** What all texts of affine maps depend on. */
export type LinearConfig = {
  tile: TileName;
  /** Maps of one input with weights of one shape. */
  maps: number;
  /** Whether inputs and outputs of a map are multiples of four. */
  wide: boolean;
  f16: boolean;
  dropout: boolean;
};

/** What the text of the forward pass depends on. */
export type ForwardConfig = LinearConfig & {
  /** Whether the weights are held in f16. */
  half: boolean;
  bias: boolean;
  residual: boolean;
  activation: Activation;
  /** Whether the values before the activation are kept in `before`. */
  keepsBefore: boolean;
};

/** The numbers of the maps. */
export function mapNumbers(maps: number): number[] {
  return Array.from({ length: maps }, (_, n) => n);
}

/** A function of the plane that picks a map's array: `fn <name>(at, plane)`. */
function pickText(name: string, { maps, wide }: LinearConfig, type = "f32"): string {
  const numbers = mapNumbers(maps).slice(1);
  return `
    fn ${name}Of(at: u32, map: u32) -> ${wide ? `vec4<${type}>` : type} {
      ${numbers.map((n) => `if (map == ${n}u) { return ${name}${n}[at]; }`).join("\n      ")}
      return ${name}0[at];
    }`;
}

/** A switch over the maps that assigns to a map's array. */
function assignText(name: string, maps: number, at: string, value: string): string {
  const cases = mapNumbers(maps).map((n) => `case ${n}u: { ${name}${n}[${at}] = ${value}; }`);
  return maps === 1
    ? `${name}0[${at}] = ${value};`
    : `switch (plane) { ${cases.join(" ")} default: {} }`;
}

/** An operand from an expression for a flat position: a quarter of it where four numbers lie side by side. */
function readText(wide: boolean, run: "outer" | "inner", read: (at: string) => string, at: string) {
  return wide ? { run, quad: read(`(${at}) / 4u`) } : { run, element: read(at) };
}

/** Four numbers, or one, times their dropout factors; `at` is the position of the first. */
function droppedText({ dropout, wide }: LinearConfig, value: string, at: string): string {
  if (!dropout) return value;
  if (!wide) return `${value} * dropoutFactor(${at})`;
  return `${value} * dropoutFactors(${at})`;
}

const DROPOUT_FACTORS = `
    fn dropoutFactors(first: u32) -> vec4<f32> {
      return vec4<f32>(
        dropoutFactor(first),
        dropoutFactor(first + 1u),
        dropoutFactor(first + 2u),
        dropoutFactor(first + 3u),
      );
    }`;

function dropoutText({ dropout }: LinearConfig): string {
  return dropout ? DROPOUT_FACTOR + DROPOUT_FACTORS : "";
}

/** `result<n> = dropout(activation(x weight<n>^T + bias<n>)) + residual`, rows by outputs. */
export function forwardText(config: ForwardConfig): string {
  const { tile, maps, wide, f16, half, bias, residual, activation, keepsBefore } = config;
  const type = wide ? "vec4<f32>" : "f32";
  const active = wide
    ? "vec4<f32>(activate(sum[0]), activate(sum[1]), activate(sum[2]), activate(sum[3]))"
    : "activate(sum)";
  const place = wide ? "(row * uniforms.columns + column) / 4u" : "row * uniforms.columns + column";
  const dropped = droppedText(
    config,
    activation === "none" ? "sum" : active,
    "row * uniforms.columns + column",
  );
  return gemmText(tile, {
    a: readText(wide, "inner", (at) => `x[${at}]`, "outer * uniforms.inner + inner"),
    b: {
      half,
      ...readText(
        wide,
        "inner",
        (at) => `weightOf(${at}, plane)`,
        "outer * uniforms.inner + inner",
      ),
    },
    store: wide ? "quad" : "element",
    f16,
    functions: `
    ${activationText(activation)}
    ${dropoutText(config)}
    ${pickText("weight", config, half ? "f16" : "f32")}
    ${bias ? pickText("bias", config) : ""}
    fn store${wide ? "Quad" : ""}(
      row: u32, column: u32, plane: u32, split: u32, product: ${type},
    ) {
      let at = ${place};
      let sum = product${bias ? ` + biasOf(column${wide ? " / 4u" : ""}, plane)` : ""};
      ${keepsBefore ? "before[at] = sum;" : ""}
      let value = ${dropped}${residual ? " + residual[at]" : ""};
      ${assignText("result", maps, "at", "value")}
    }`,
  });
}

/** `dx = sum over maps of dropout(dy<n>) weight<n>`: the inner axis is the outputs of all maps in a row. */
export function inputGradientText(config: LinearConfig): string {
  const { tile, wide, f16 } = config;
  const slope = (at: string) =>
    droppedText(config, `dyOf(${at}, inner / uniforms.outputs)`, wide ? `(${at}) * 4u` : at);
  return gemmText(tile, {
    a: readText(wide, "inner", slope, "outer * uniforms.outputs + inner % uniforms.outputs"),
    b: readText(
      wide,
      "outer",
      (at) => `weightOf(${at}, inner / uniforms.outputs)`,
      "inner % uniforms.outputs * uniforms.columns + outer",
    ),
    store: wide ? "quad" : "element",
    f16,
    functions: `
    ${dropoutText(config)}
    ${pickText("dy", config)}
    ${pickText("weight", config)}
    ${
      wide
        ? `fn storeQuad(row: u32, column: u32, plane: u32, split: u32, quad: vec4<f32>) {
      result[(row * uniforms.columns + column) / 4u] = quad;
    }`
        : `fn store(row: u32, column: u32, plane: u32, split: u32, sum: f32) {
      result[row * uniforms.columns + column] = sum;
    }`
    }`,
  });
}

/**
 * `dweight<n> = dropout(dy<n>)^T x`, outputs by inputs, and its row sums `dbias<n>`; in several splits both go into
 * `parts`, the weights of all maps and splits first.
 */
export function parameterGradientText(
  config: LinearConfig & { bias: boolean; split: boolean },
): string {
  const { tile, maps, wide, f16, bias, split } = config;
  const slope = (at: string) =>
    droppedText(config, `dyOf(${at}, plane)`, wide ? `(${at}) * 4u` : at);
  const weightAt = split
    ? "((plane * uniforms.splits + split) * uniforms.rows + row) * uniforms.columns + column"
    : "row * uniforms.columns + column";
  const biasAt = split
    ? `uniforms.splits * ${maps}u * uniforms.rows * uniforms.columns
          + (plane * uniforms.splits + split) * uniforms.rows + row`
    : "row";
  const assign = (name: string, at: string, value: string) =>
    split ? `parts[${at}] = ${value};` : assignText(name, maps, at, value);
  return gemmText(tile, {
    a: readText(wide, "outer", slope, "inner * uniforms.rows + outer"),
    b: readText(wide, "outer", (at) => `x[${at}]`, "inner * uniforms.columns + outer"),
    store: wide ? "quad" : "element",
    rowSums: bias,
    f16,
    functions: `
    ${dropoutText(config)}
    ${pickText("dy", config)}
    ${
      wide
        ? `fn storeQuad(row: u32, column: u32, plane: u32, split: u32, quad: vec4<f32>) {
      let at = (${weightAt}) / 4u;
      ${assign("dweight", "at", "quad")}
    }`
        : `fn store(row: u32, column: u32, plane: u32, split: u32, sum: f32) {
      let at = ${weightAt};
      ${assign("dweight", "at", "sum")}
    }`
    }
    ${bias ? rowSumsText(wide, assign, biasAt) : ""}`,
  });
}

function rowSumsText(
  wide: boolean,
  assign: (name: string, at: string, value: string) => string,
  biasAt: string,
): string {
  return wide
    ? `fn storeRowSums(row: u32, plane: u32, split: u32, sums: vec4<f32>) {
      let at = (${biasAt}) / 4u;
      ${assign("dbias", "at", "sums")}
    }`
    : `fn storeRowSums(row: u32, plane: u32, split: u32, sums: vec4<f32>) {
      for (var n = 0u; n < 4u && row + n < uniforms.rows; n++) {
        let at = (${biasAt}) + n;
        ${assign("dbias", "at", "sums[n]")}
      }
    }`;
}
