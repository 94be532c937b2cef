import { deepEqual, equal, throws } from "node:assert/strict";
import { resumeStateOf, stateJson, stateOf } from "../../../src/train/checkpoints/_state_json.ts";

const STATE = { epoch: 1.5, global_step: 3, log_history: [{ step: 1, epoch: 0.5, loss: 2 }] };

const RESUME = {
  ...{ epoch: 1, batches: 2, noise: [1, 2, 3, 2 ** 32 - 1] },
  ...{ lossSum: 0.5, lossSteps: 1, totalLoss: 2, gradNorm: 1 },
};

Deno.test("stateOf() reads what stateJson() writes", () => {
  const state = stateOf(STATE, "trainer_state.json");
  equal(state.globalStep, 3);
  deepEqual(stateOf(stateJson(state), "trainer_state.json"), state);
});

Deno.test("stateOf() and resumeStateOf() refuse places that no run has", () => {
  const expected = (key: string) => ({ name: "CheckpointError", key });
  for (const global_step of [-1, 0.5, 2 ** 53, "3"]) {
    throws(() => stateOf({ ...STATE, global_step }, "a.json"), expected("global_step"));
  }
  for (const loss of ["2", [], {}, true]) {
    const log_history = [{ step: 1, epoch: 1, loss }];
    throws(() => stateOf({ ...STATE, log_history }, "a.json"), expected("log_history"));
  }
  for (const batches of [-1, 0.5, null]) {
    throws(() => resumeStateOf({ ...RESUME, batches }, "a.json"), expected("batches"));
  }
  for (const noise of [[1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 3, 2 ** 32], [1, 2, 3, -1]]) {
    throws(() => resumeStateOf({ ...RESUME, noise }, "a.json"), expected("noise"));
  }
  deepEqual(resumeStateOf(RESUME, "a.json").noise, RESUME.noise);
});
