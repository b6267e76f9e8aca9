"""Configuration files and Kubernetes objects with ``${placeholders}`` for paths and addresses."""

from __future__ import annotations

import json
from importlib.resources import files
from string import Template
from typing import Any

import yaml


def text(name: str, **values: str) -> str:
    """A file of this folder with its placeholders replaced."""
    return Template(files(__name__).joinpath(name).read_text(encoding="utf-8")).substitute(values)


def filled(name: str, **values: object) -> str:
    """A YAML, JSON or TOML file of this folder with its placeholders replaced by JSON values, which all can read."""
    return text(name, **{key: json.dumps(value, ensure_ascii=False) for key, value in values.items()})


def objects(name: str, **values: object) -> list[dict[str, Any]]:
    """The Kubernetes objects of a file, as `filled`."""
    return list(yaml.safe_load_all(filled(name, **values)))
