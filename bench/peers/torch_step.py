"""Times PyTorch eager on a model directory, and prints a row of the table as JSON.

    python3 torch_step.py '{"directory": ..., "task": "infer" | "train", "batch": 1, "seconds": 1, "rounds": 9,
                            "threads": 1, "freeze": "none", "spawnedAt": milliseconds}'

`infer` is samples to logits, in inference mode; `train` a whole step, the loss read back, as the benches beside this
folder do on the other side.
"""

import json
import resource
import statistics
import sys
import time

try:
    import torch
    import transformers
except ImportError:
    print(json.dumps({"missing": "torch and transformers"}))
    sys.exit(0)


def milliseconds(run):
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1000


def main(request):
    start_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    torch.set_num_threads(request["threads"])
    torch.manual_seed(0)
    model = transformers.AutoModelForAudioClassification.from_pretrained(request["directory"])
    load_ms = time.time() * 1000 - request["spawnedAt"]
    with open(request["directory"] + "/preprocessor_config.json") as file:
        rate_hz = json.load(file)["sampling_rate"]
    clips = torch.randn(request["batch"], round(rate_hz * request["seconds"]))
    labels = torch.arange(request["batch"]) % model.config.num_labels

    def forward():
        with torch.inference_mode():
            normal = (clips - clips.mean(-1, keepdim=True)) / clips.std(-1, keepdim=True)
            return model(normal).logits.tolist()

    if request["freeze"] == "encoder":
        model.freeze_feature_encoder()
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=1e-4, weight_decay=0.01)

    def step():
        loss = model(clips, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    training = request["task"] == "train"
    model.train(training)
    run = step if training else forward
    run()
    first_ms = time.time() * 1000 - request["spawnedAt"]
    run()
    times = [milliseconds(run) for _ in range(request["rounds"])]
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model.eval()
    forward()
    forward_times = [milliseconds(forward) for _ in range(request["rounds"])]
    print(json.dumps({
        "peer": f"PyTorch {torch.__version__}, eager",
        "medianMs": statistics.median(times),
        "forwardMs": statistics.median(forward_times),
        "loadMs": load_ms,
        "firstMs": first_ms,
        "rssMb": peak_kb / 1000,
        "startMb": start_kb / 1000,
    }))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
