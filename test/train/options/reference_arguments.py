"""Writes reference_arguments.json: the arguments of transformers' TrainingArguments with their defaults.

    pip install torch transformers==5.18.0 && python test/train/options/reference_arguments.py
"""

import dataclasses
import json
from enum import Enum
from pathlib import Path

import transformers
from transformers import TrainingArguments


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
}
file = Path(__file__).with_name("reference_arguments.json")
file.write_text(json.dumps(content, indent=2) + "\n")
