import { deepEqual } from "node:assert/strict";
import { PrinterCallback } from "../../../src/train/callbacks/printer_callback.ts";

function printed(use: (printer: PrinterCallback) => void): string[] {
  const lines: string[] = [];
  use(new PrinterCallback((line) => lines.push(line)));
  return lines;
}

Deno.test("PrinterCallback prints the last training loss with each evaluation", () => {
  const speed = { eval_runtime: 1, eval_samples_per_second: 2, eval_steps_per_second: 3 };
  const lines = printed((printer) => {
    printer.onEvaluate(null, null, null, {
      metrics: { step: 0, epoch: 0, eval_loss: 3, eval_f1_macro: 0, ...speed },
    });
    printer.onLog(null, null, null, {
      logs: { step: 10, epoch: 0.5, loss: 2, grad_norm: 1, learning_rate: 0.1 },
    });
    printer.onLog(null, null, null, { logs: { step: 20, epoch: 1, loss: 1 } });
    printer.onEvaluate(null, null, null, {
      metrics: { step: 20, epoch: 1, eval_loss: 0.5, eval_f1_macro: 0.25, ...speed },
    });
    printer.onLog(null, null, null, { logs: { step: 20, epoch: 1, train_loss: 1.5 } });
    printer.onTrainEnd();
  });
  deepEqual(lines, [
    " Epoch    Step  Training Loss  Validation Loss  F1 Macro",
    "     0       0              -           3.0000    0.0000",
    "     1      20         1.0000           0.5000    0.2500",
  ]);
});

Deno.test("PrinterCallback prints the log where nothing is evaluated", () => {
  const lines = printed((printer) => {
    printer.onLog(null, null, null, { logs: { step: 10, epoch: 0.5, loss: 2 } });
    printer.onLog(null, null, null, { logs: { step: 20, epoch: 1, loss: 1 } });
    printer.onTrainEnd();
  });
  deepEqual(lines, [
    " Epoch    Step  Training Loss",
    "  0.50      10         2.0000",
    "     1      20         1.0000",
  ]);
});
