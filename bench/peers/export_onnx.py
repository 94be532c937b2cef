"""Writes the directory of a model that hears samples as ONNX, for the peer `onnxruntime_web.ts`.

    python3 export_onnx.py MODEL_DIR OUTPUT.onnx [all|MatMul]
    python3 export_onnx.py GRAPH.onnx OUTPUT.onnx all|MatMul

Any batch and length. The norm of the positional convolution's weight is folded in, as a deployment would. With
a third argument weights are stored in 8 bits, of all operators that can or of products alone; transformers.js has
models of the first kind, and takes unsigned numbers where there are convolutions.
"""

import importlib.util
import sys

import torch
from torch.nn.utils import parametrize
from torch.onnx._internal.torchscript_exporter import onnx_proto_utils
from transformers import AutoModelForAudioClassification


class Logits(torch.nn.Module):
    """The model as a function of one tensor."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_values):
        return self.model(input_values).logits


def quantize(graph, output, operators):
    """Stores the weights of a graph in 8 bits, with inputs scaled as they come."""
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # The quantizer takes weights as they are, and no reshaped ones: constants are folded first.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = output
    onnxruntime.InferenceSession(graph, options)
    quantize_dynamic(
        output,
        output,
        weight_type=QuantType.QUInt8 if operators == "all" else QuantType.QInt8,
        op_types_to_quantize=None if operators == "all" else [operators],
    )


def main(source, output, operators=None):
    if source.endswith(".onnx"):
        return quantize(source, output, operators)
    export(source, output)
    if operators is not None:
        quantize(output, output, operators)


def export(directory, output):
    model = AutoModelForAudioClassification.from_pretrained(directory, attn_implementation="eager")
    model.eval()
    for module in model.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    if importlib.util.find_spec("onnx") is None:
        # Needed only to add functions of onnxscript, of which these models have none.
        onnx_proto_utils._add_onnxscript_fn = lambda model_bytes, _: model_bytes
    torch.onnx.export(
        Logits(model),
        (torch.randn(1, 16000),),
        output,
        dynamo=False,
        opset_version=17,
        input_names=["input_values"],
        output_names=["logits"],
        dynamic_axes={"input_values": {0: "batch", 1: "samples"}, "logits": {0: "batch"}},
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
