"""One deployment by its program before and after a refactoring."""

from __future__ import annotations

import os
from typing import ClassVar

import pulumi

from otel_mesh import Jaeger, JaegerArgs, Namespace, NamespaceArgs, NamespaceSettings
from tests.engine.programs.cluster import provider, wait_for_nothing


class Tracing(Jaeger):
    """The class was renamed and moved to another module; its type token is unchanged."""


class RenamedType(Jaeger):
    """The type token was renamed as well."""

    TYPE: ClassVar[str] = "Tracing"
    FORMER_TYPES: ClassVar[tuple[str, ...]] = ("Traces", "Jaeger")


class Forgotten(Jaeger):
    """The type token was renamed without an alias for the former one."""

    TYPE: ClassVar[str] = "Tracing"


class Group(pulumi.ComponentResource):
    """A user's component, introduced later."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("test:index:Group", name, None, opts)
        self.register_outputs({})


variant = os.environ.get("VARIANT", "before")
classes = {"renamed class": Tracing, "renamed type": RenamedType, "forgotten type": Forgotten}
component = classes.get(variant, Jaeger)
name = "traces" if variant == "renamed resource" else "jaeger"
opts = pulumi.ResourceOptions(provider=provider())
wait_for_nothing()
if variant == "renamed resource":
    opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=[pulumi.Alias(name="jaeger")]))
if variant == "moved resource":
    group = Group("group", opts)
    moved = pulumi.ResourceOptions(parent=group, aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)])
    opts = pulumi.ResourceOptions.merge(opts, moved)

NAMESPACE = "refactor"
namespace = Namespace(
    NAMESPACE,
    NamespaceArgs(settings=NamespaceSettings(name=NAMESPACE)),
    pulumi.ResourceOptions(provider=opts.provider),
)
component(name, JaegerArgs(namespace=namespace.namespace), opts)
