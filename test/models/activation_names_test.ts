import { equal, throws } from "node:assert/strict";
import { activationField } from "../../src/models/_config_fields.ts";
import { ConfigReader } from "../../src/models/_config_reader.ts";
import { CheckpointError } from "../../src/errors.ts";
import { assertAllClose } from "../compare.ts";
import { activation, activationGrad } from "../reference/activation.ts";

/** Values at -2.5, -0.3, 0.7 and 11, then the derivatives there, by transformers 5.18 in double precision. */
const EXPECTED: Readonly<Record<string, readonly number[]>> = {
  gelu: [
    -0.01552416331444,
    -0.1146265733433,
    0.5306254434438,
    11.0,
    -0.03761108590815,
    0.2676722331729,
    0.9766141011337,
    1.0,
  ],
  gelu_10: [
    -0.01552416331444,
    -0.1146265733433,
    0.5306254434438,
    10.0,
    -0.03761108590815,
    0.2676722331729,
    0.9766141011337,
    0.0,
  ],
  gelu_fast: [
    -0.01508426609027,
    -0.1146290764574,
    0.5305701347046,
    11.0,
    -0.03795157621319,
    0.267704548362,
    0.976357218655,
    1.0,
  ],
  gelu_new: [
    -0.01508426609,
    -0.1146290764572,
    0.5305701347051,
    11.0,
    -0.03795157621267,
    0.2677045483612,
    0.9763572186561,
    1.0,
  ],
  gelu_python: [
    -0.01552416331444,
    -0.1146265733433,
    0.5306254434438,
    11.0,
    -0.03761108590815,
    0.2676722331729,
    0.9766141011337,
    1.0,
  ],
  gelu_pytorch_tanh: [
    -0.01508426609,
    -0.1146290764572,
    0.5305701347051,
    11.0,
    -0.03795157621267,
    0.2677045483612,
    0.9763572186561,
    1.0,
  ],
  gelu_python_tanh: [
    -0.01508426609,
    -0.1146290764572,
    0.5305701347051,
    11.0,
    -0.03795157621267,
    0.2677045483612,
    0.9763572186561,
    1.0,
  ],
  gelu_accurate: [
    -0.01508426609,
    -0.1146290764572,
    0.5305701347051,
    11.0,
    -0.03795157621267,
    0.2677045483612,
    0.9763572186561,
    1.0,
  ],
  hardswish: [
    -0.2083333333333,
    -0.135,
    0.4316666666667,
    11.0,
    -0.3333333333333,
    0.4,
    0.7333333333333,
    1.0,
  ],
  laplace: [
    0.0,
    0.0001784233559785,
    0.4899502547706,
    1.0,
    1.213036268471e-28,
    0.002414580765167,
    1.413763775549,
    1.140065315136e-289,
  ],
  leaky_relu: [-0.025, -0.003, 0.7, 11.0, 0.01, 0.01, 1.0, 1.0],
  linear: [-2.5, -0.3, 0.7, 11.0, 1.0, 1.0, 1.0, 1.0],
  mish: [
    -0.1968162039065,
    -0.1511331771383,
    0.5611483776439,
    10.99999999386,
    -0.1097435727502,
    0.4085108769357,
    0.9687948682002,
    1.000000011715,
  ],
  quick_gelu: [
    -0.03498616504857,
    -0.1125158646184,
    0.5368939517232,
    10.99999991862,
    -0.04471866608137,
    0.2553742580941,
    0.9799131420008,
    1.000000131115,
  ],
  relu: [0.0, 0.0, 0.7, 11.0, 0.0, 0.0, 1.0, 1.0],
  relu2: [0.0, 0.0, 0.49, 121.0, 0.0, 0.0, 1.4, 22.0],
  relu6: [0.0, 0.0, 0.7, 6.0, 0.0, 0.0, 1.0, 0.0],
  sigmoid: [
    0.07585818002124,
    0.4255574831883,
    0.6681877721682,
    0.9999832985782,
    0.07010371654511,
    0.2444583116907,
    0.2217128732931,
    1.670114291046e-05,
  ],
  silu: [
    -0.1896454500531,
    -0.1276672449565,
    0.4677314405177,
    10.99981628436,
    -0.09940111134153,
    0.3522199896811,
    0.8233867834733,
    1.00016701115,
  ],
  sqrtsoftplus: [
    0.2808731640662,
    0.744550363957,
    1.050326639139,
    3.31662730821,
    0.1350399214419,
    0.2857815292216,
    0.3180857017564,
    0.1507530400089,
  ],
  swish: [
    -0.1896454500531,
    -0.1276672449565,
    0.4677314405177,
    10.99981628436,
    -0.09940111134153,
    0.3522199896811,
    0.8233867834733,
    1.00016701115,
  ],
  tanh: [
    -0.9866142981514,
    -0.2913126124516,
    0.6043677771172,
    0.9999999994421,
    0.02659222668316,
    0.9151369618266,
    0.6347395899825,
    1.115787240069e-09,
  ],
};

const X = { shape: [4], values: Float64Array.of(-2.5, -0.3, 0.7, 11) };
const ONES = { shape: [4], values: Float64Array.of(1, 1, 1, 1) };

Deno.test("activationField() knows the 22 functions of the reference that have no weights", () => {
  equal(Object.keys(EXPECTED).length, 22);
  for (const [name, expected] of Object.entries(EXPECTED)) {
    const kind = activationField(
      new ConfigReader({ hidden_act: name }, "config.json"),
      "hidden_act",
    );
    const { values } = activation({ x: X }, { activation: kind });
    const { values: slopes } = activationGrad({ x: X, dy: ONES }, { activation: kind });
    // gelu_fast has the root of 2 / pi with ten digits.
    assertAllClose([...values, ...slopes], expected, { atol: 2e-10, rtol: 1e-12, label: name });
  }
});

Deno.test("activationField() names those whose weights it would lose", () => {
  for (const hidden_act of ["prelu", "xielu"]) {
    const read = () =>
      activationField(new ConfigReader({ hidden_act }, "config.json"), "hidden_act");
    throws(read, (error) => {
      return error instanceof CheckpointError &&
        /without weights .* found "\w+"$/.test(error.message);
    });
  }
});
