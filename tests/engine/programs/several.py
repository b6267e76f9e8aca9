"""A component of one ConfigMap per name in the variable NAMES."""

from __future__ import annotations

import os
from typing import ClassVar

import pulumi

from otel_mesh.k8s.component import Component
from tests.engine.programs.cluster import provider, wait_for_nothing


class Several(Component):
    """Objects of one kind, of which none is special."""

    TYPE: ClassVar[str] = "Several"

    def __init__(self, name: str, names: list[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__(name, opts)
        self.children(
            [
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": one, "namespace": "default"}, "data": {}}
                for one in names
            ]
        )
        self.register_outputs({})


wait_for_nothing()
Several("several", os.environ["NAMES"].split(","), pulumi.ResourceOptions(provider=provider()))
