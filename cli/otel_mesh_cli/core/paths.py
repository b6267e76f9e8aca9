"""Where the embedded environment keeps things: nothing of it is in the checkout."""

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
    """Programs, Debian packages and images, keyed by version: safe to delete, costly to rebuild."""
    return _base("OTEL_MESH_CACHE", "XDG_CACHE_HOME", ".cache")


def state_dir() -> Path:
    """What belongs to this machine's environment: cluster data, PKI, Pulumi state, secrets, logs."""
    return _base("OTEL_MESH_STATE", "XDG_STATE_HOME", ".local/state")


def stacks_dir() -> Path:
    """What belongs to stacks on other clusters: beside the state folder, as they outlive this machine's environment."""
    return state_dir().with_name(f"{state_dir().name}-stacks")


def repo_dir() -> Path:
    """The checkout that commands work on: the one around the working directory, else the one this code is part of."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file() and (folder / "infra" / "otel_mesh_stack").is_dir():
            return folder
    return Path(__file__).resolve().parents[3]
