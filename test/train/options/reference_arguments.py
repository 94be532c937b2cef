"""Writes reference_arguments.json: the arguments of transformers' TrainingArguments, their defaults and words.

    pip install torch transformers==5.18.0 && python test/train/options/reference_arguments.py
"""

import dataclasses
import json
from enum import Enum
from pathlib import Path

import transformers
from transformers import TrainingArguments
from transformers.trainer_utils import HubStrategy, SchedulerType
from transformers.training_args import OptimizerNames


def default_of(field):
    if field.default is not dataclasses.MISSING:
        value = field.default
    elif field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    else:
        value = None
    return value.value if isinstance(value, Enum) else value


content = {
    "source": f"dataclasses.fields(TrainingArguments) of transformers {transformers.__version__}",
    "defaults": {field.name: default_of(field) for field in dataclasses.fields(TrainingArguments)},
    "values": {
        "optim": [name.value for name in OptimizerNames],
        "lr_scheduler_type": [name.value for name in SchedulerType],
        "hub_strategy": [name.value for name in HubStrategy],
    },
}
file = Path(__file__).with_name("reference_arguments.json")
file.write_text(json.dumps(content, indent=2) + "\n")
