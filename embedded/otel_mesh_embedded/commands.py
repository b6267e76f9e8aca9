"""The commands `otel-mesh node ...`: the embedded single-node Kubernetes of this machine."""

from __future__ import annotations

import typer

app = typer.Typer(help="The single-node Kubernetes of this machine: its programs, images, keys and remains.")
