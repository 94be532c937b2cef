"""Times PyTorch eager on a model directory, and prints what it found as JSON.

    python3 torch_step.py '{"directory": ..., "task": "infer" | "train", "batch": 1, "seconds": 1, "rounds": 9,
                            "threads": 1, "freeze": "none", "part": "whole", "spawnedAt": milliseconds}'

`infer` is samples to logits, in inference mode; `train` a whole step, the loss read back, as the benches beside this
folder do on the other side. On "webgpu" it runs on CUDA where PyTorch has that. Models of spectrograms get them
ready-made, so that their `infer` lacks what the other side does; those that transformers has not are the PyTorch of
`test/golden`. The part "blocks" is `_blocks.ts`: frames of noise through the layers, without dropout.
"""

import importlib
import json
import math
import os
import resource
import statistics
import sys
import time
from types import SimpleNamespace

try:
    import torch
    import transformers
except ImportError:
    print(json.dumps({"missing": "torch and transformers"}))
    sys.exit(0)

KB_IN_MB = 1024 / 1e6
WINDOW_SAMPLES, HOP_SAMPLES = 400, 320


def peak_mb():
    """The most that was resident; the kernel's other account holds the parent's peak too."""
    try:
        with open("/proc/self/status") as file:
            kilobytes = next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * KB_IN_MB


def device_for(request):
    """CUDA for what is measured on a GPU, where PyTorch has it."""
    on_gpu = request.get("backend") == "webgpu" and torch.cuda.is_available()
    return torch.device("cuda" if on_gpu else "cpu")


CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def milliseconds(run, clock):
    now = CLOCKS[clock]
    start = now()
    run()
    return (now() - start) * 1000


def noise(*shape):
    """The numbers of `noiseBatch` in `_process.ts`."""
    state, values = 1, []
    for _ in range(math.prod(shape)):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append(state / 2**31 - 1)
    return torch.tensor(values, dtype=torch.float32).reshape(shape)


class Blocks(torch.nn.Module):
    """The layers of a model, the norm before them and its head, as a classifier of frames."""

    def __init__(self, model):
        super().__init__()
        encoder = model.wav2vec2.encoder
        self.norm, self.layers = encoder.layer_norm, encoder.layers
        self.projector, self.classifier = model.projector, model.classifier
        self.config = model.config

    def forward(self, frames, labels=None):
        hidden = self.norm(frames)
        for layer in self.layers:
            hidden = layer(hidden)
        logits = self.classifier(self.projector(hidden.mean(1)))
        loss = None if labels is None else torch.nn.functional.cross_entropy(logits, labels)
        return SimpleNamespace(logits=logits, loss=loss)


GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "test", "golden")


def load_code(directory):
    """Imports what a model's class is in."""
    with open(directory + "/config.json") as file:
        config = json.load(file)
    if hasattr(transformers, config["architectures"][0]):
        return
    sys.path.insert(0, GOLDEN)
    importlib.import_module(config["model_type"])


def spectrograms(directory, clips, rate_hz):
    """The model's inputs by name."""
    extractor = transformers.AutoFeatureExtractor.from_pretrained(directory)
    waves = [clip.numpy() for clip in clips]
    return dict(extractor(waves, sampling_rate=rate_hz, padding=True, return_tensors="pt"))


def main(request):
    blocks = request["part"] == "blocks"
    load_code(request["directory"])
    start_mb = peak_mb()
    torch.set_num_threads(request["threads"])
    torch.manual_seed(0)
    model = transformers.AutoModelForAudioClassification.from_pretrained(request["directory"])
    if blocks:
        model = Blocks(model)
    device = device_for(request)
    model.to(device)
    load_ms = time.time() * 1000 - request["spawnedAt"]
    with open(request["directory"] + "/preprocessor_config.json") as file:
        preprocessor = json.load(file)
    rate_hz = preprocessor["sampling_rate"]
    samples = round(rate_hz * request["seconds"])
    if blocks:
        frames = (samples - WINDOW_SAMPLES) // HOP_SAMPLES + 1
        clips = noise(request["batch"], frames, model.config.hidden_size)
    else:
        clips = torch.randn(request["batch"], samples)
    labels = torch.arange(request["batch"]) % model.config.num_labels
    named = None
    if not blocks and preprocessor.get("feature_size", 1) > 1:
        named = spectrograms(request["directory"], clips, rate_hz)
        named = {name: values.to(device) for name, values in named.items()}
    clips, labels = clips.to(device), labels.to(device)

    def forward():
        with torch.inference_mode():
            if blocks:
                return model(clips).logits.tolist()
            if named:
                return model(**named).logits.tolist()
            normal = (clips - clips.mean(-1, keepdim=True)) / clips.std(-1, keepdim=True)
            return model(normal).logits.tolist()

    if request["freeze"] == "encoder":
        model.freeze_feature_encoder()
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=1e-4, weight_decay=0.01)

    def step():
        loss = (model(**named, labels=labels) if named else model(clips, labels=labels)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    training = request["task"] == "train"
    model.train(training and not blocks)
    run = step if training else forward
    run()
    first_ms = time.time() * 1000 - request["spawnedAt"]
    second = run()
    times = [milliseconds(run, request["clock"]) for _ in range(request["rounds"])]
    rss_mb = peak_mb()
    model.eval()
    forward()
    forward_times = [milliseconds(forward, request["clock"]) for _ in range(request["rounds"])]
    print(json.dumps({
        "medianMs": statistics.median(times),
        "forwardMs": statistics.median(forward_times),
        "loadMs": load_ms,
        "firstMs": first_ms,
        "rssMb": rss_mb,
        "startMb": start_mb,
        "loss": second if training else None,
    }))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
