"""Kubernetes objects as plain mappings, and how one of them becomes a Pulumi resource.

Components build manifests in pure functions, in the form in which Kubernetes documents them (camelCase), so that
a golden file shows what is applied and `kubectl` can read it.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import pulumi
import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

Manifest = dict[str, Any]
"""A Kubernetes object; values may be `pulumi.Input` where the caller passed some."""

_SECRET_FIELDS: Final = ("data", "stringData")


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


@cache
def _provider_version() -> str:
    """Of the provider that the installed `pulumi_kubernetes` asks for."""
    return version("pulumi-kubernetes")


def resource_type(manifest: Manifest) -> str:
    """The type that an object has in `pulumi_kubernetes`, e.g. ``kubernetes:core/v1:Service``."""
    version_of_api: str = manifest["apiVersion"]
    return f"kubernetes:{version_of_api if '/' in version_of_api else f'core/{version_of_api}'}:{manifest['kind']}"


def resource(name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """Registers a manifest as the resource of its API version and kind.

    State, transforms and policies see what they see of `pulumi_kubernetes`' own class of the object. The class is
    left out: it would turn all that the provider answers into Python's types, which nobody reads here (bench/engine.py
    measures what that costs).
    """
    fields = dict(manifest)
    own = pulumi.ResourceOptions(version=_provider_version())
    if fields["kind"] == "Secret":
        own.additional_secret_outputs = list(_SECRET_FIELDS)
        fields |= {key: pulumi.Output.secret(fields[key]) for key in _SECRET_FIELDS if key in fields}
    return pulumi.CustomResource(resource_type(manifest), name, fields, pulumi.ResourceOptions.merge(own, opts))
