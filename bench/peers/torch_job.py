"""Trains a model directory on an audio folder with PyTorch, and prints what that took as JSON.

    python3 torch_job.py '{"data": ..., "directory": ..., "scratch": ..., "threads": 2, "epochs": 16, "batch": 16,
                           "learningRate": 0.002, "warmupRatio": 0.1, "weightDecay": 0.01, "seed": 42,
                           "spawnedAt": milliseconds}'

The job of `_whole_job_process.ts` as a script of transformers does it: the rows are of `datasets`, a `DataLoader`
shuffles them, the extractor pads each batch, AdamW follows a linear schedule after its rise, and the test split is
scored. Recordings are decoded by soundfile, as `datasets` would need one package more for it.
"""

import json
import os
import resource
import sys
import time

from torch_step import peak_mb


def rows(folder):
    """The recordings of a split with their labels, as `datasets` keeps them."""
    from datasets import Dataset

    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    clips = [
        (os.path.join(folder, name, file), label)
        for label, name in enumerate(names)
        for file in sorted(os.listdir(os.path.join(folder, name)))
    ]
    paths, labels = zip(*clips)
    return Dataset.from_dict({"path": paths, "label": labels}), names


def loaders(request, extractor):
    """The training and the test split as batches."""
    import soundfile
    import torch
    from torch.utils.data import DataLoader

    def collate(clips):
        waves = [soundfile.read(clip["path"], dtype="float32")[0] for clip in clips]
        rate_hz = extractor.sampling_rate
        batch = extractor(waves, sampling_rate=rate_hz, padding=True, return_tensors="pt")
        return {**batch, "labels": torch.tensor([clip["label"] for clip in clips])}

    train, names = rows(os.path.join(request["data"], "train"))
    test, _ = rows(os.path.join(request["data"], "test"))
    options = {"batch_size": request["batch"], "collate_fn": collate}
    return DataLoader(train, shuffle=True, **options), DataLoader(test, **options), names


def main(request):
    import torch
    from transformers import (
        AutoFeatureExtractor,
        AutoModelForAudioClassification,
        get_linear_schedule_with_warmup,
    )

    torch.set_num_threads(request["threads"])
    torch.manual_seed(request["seed"])
    extractor = AutoFeatureExtractor.from_pretrained(request["directory"])
    model = AutoModelForAudioClassification.from_pretrained(request["directory"])
    train, test, names = loaders(request, extractor)
    expected = [model.config.id2label[i] for i in range(len(names))]
    if names != expected:
        raise ValueError(f"Cannot train: expected the labels {expected}, found {names}")
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=request["learningRate"], weight_decay=request["weightDecay"]
    )
    steps = request["epochs"] * len(train)
    schedule = get_linear_schedule_with_warmup(
        optimizer, round(steps * request["warmupRatio"]), steps
    )
    model.train()
    for _ in range(request["epochs"]):
        for batch in train:
            model(**batch).loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    model.eval()
    right = total = 0
    with torch.inference_mode():
        for batch in test:
            labels = batch.pop("labels")
            right += int((model(**batch).logits.argmax(-1) == labels).sum())
            total += len(labels)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({
        "wallMs": time.time() * 1000 - request["spawnedAt"],
        "processorMs": (used.ru_utime + used.ru_stime) * 1000,
        "rssMb": peak_mb(),
        "accuracy": right / total,
    }))


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    main(json.loads(sys.argv[1]))
