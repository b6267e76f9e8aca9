"""Folders of commands; none of them is in the checkout."""

from __future__ import annotations

import os
from pathlib import Path


def _base(own: str, xdg: str, fallback: str) -> Path:
    if value := os.environ.get(own):
        return Path(value).absolute()
    if value := os.environ.get(xdg):
        return Path(value).absolute() / "otel-mesh"
    return Path.home() / fallback / "otel-mesh"


def cache_dir() -> Path:
    """Folder of programs, Debian packages and images by version: safe to delete, slow to rebuild."""
    return _base("OTEL_MESH_CACHE", "XDG_CACHE_HOME", ".cache")


def state_dir() -> Path:
    """Folder of the embedded environment: cluster data, PKI, Pulumi state, secrets, logs."""
    return _base("OTEL_MESH_STATE", "XDG_STATE_HOME", ".local/state")


def stacks_dir() -> Path:
    """Folder of stacks on other clusters, beside the state folder: they outlive the embedded environment."""
    return state_dir().with_name(f"{state_dir().name}-stacks")


def repo_dir() -> Path:
    """Checkout that commands work on: the one around the working directory, else the one that holds this code."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file() and (folder / "infra" / "otel_mesh_stack").is_dir():
            return folder
    return Path(__file__).resolve().parents[3]
