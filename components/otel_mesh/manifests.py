"""Kubernetes objects as plain mappings, and how one of them becomes a Pulumi resource.

Components build manifests in pure functions, in the form in which Kubernetes documents them (camelCase), so that
a golden file shows what is applied and `kubectl` can read it.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

Manifest = dict[str, Any]
"""A Kubernetes object; values may be `pulumi.Input`s where the caller passed some."""

_MODULES: Final = {
    "v1": "core.v1",
    "apps/v1": "apps.v1",
    "batch/v1": "batch.v1",
    "policy/v1": "policy.v1",
    "rbac.authorization.k8s.io/v1": "rbac.v1",
    "scheduling.k8s.io/v1": "scheduling.v1",
}
_CUSTOM: Final = ".istio.io"
"""How the API groups of definitions end whose objects the library makes."""
_UPPER: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")


def metadata(
    name: str,
    labels: Mapping[str, str],
    *,
    namespace: pulumi.Input[str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """The metadata of an object; ``namespace`` is left out for objects of the whole cluster."""
    result: Manifest = {"name": name, "labels": dict(labels)}
    if namespace is not None:
        result["namespace"] = namespace
    if annotations:
        result["annotations"] = dict(annotations)
    return result


class _Plain(yaml.SafeDumper):
    """Writes a value that is used twice twice, instead of an alias that readers have to look up."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - yaml's own signature
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Files inside a ConfigMap stay readable."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Plain.add_representer(str, _text)


def to_yaml(value: object) -> str:
    """Plain data as YAML, keys in the order given."""
    return yaml.dump(value, Dumper=_Plain, sort_keys=False)


def checksum(value: object) -> str:
    """A short digest of plain data, stable over runs: 16 hexadecimal digits of SHA-256 over sorted JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def resource(name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """Registers a manifest as a resource of its typed class.

    Only the Kubernetes group that the object belongs to is imported: all of `pulumi_kubernetes` costs seconds.

    Objects that a mesh defines have no class of their own: they become custom resources.

    Raises:
        KeyError: the library makes no objects of this API version.
    """
    version, kind = manifest["apiVersion"], manifest["kind"]
    if version.split("/")[0].endswith(_CUSTOM):
        module = importlib.import_module("pulumi_kubernetes.apiextensions")
        made = module.CustomResource(
            name, api_version=version, kind=kind, metadata=manifest["metadata"], spec=manifest["spec"], opts=opts
        )
        return cast("pulumi.CustomResource", made)
    module = importlib.import_module(f"pulumi_kubernetes.{_MODULES[version]}")
    resource_class = getattr(module, kind)
    fields = {
        _UPPER.sub(r"_\1", key).lower(): value for key, value in manifest.items() if key not in {"apiVersion", "kind"}
    }
    return cast("pulumi.CustomResource", resource_class(name, opts=opts, **fields))
