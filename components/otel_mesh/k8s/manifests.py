"""Kubernetes objects as plain mappings, and their registration as Pulumi resources.

Manifests have the documented form of Kubernetes (camelCase), so that golden files show what is applied and `kubectl`
can read them.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import pulumi
import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

Manifest = dict[str, Any]
"""A Kubernetes object; values may be a `pulumi.Input`."""

_SECRET_FIELDS: Final = ("data", "stringData")


def metadata(
    name: pulumi.Input[str],
    labels: Mapping[str, str],
    *,
    namespace: pulumi.Input[str] | None = None,
    annotations: Mapping[str, pulumi.Input[str]] | None = None,
) -> Manifest:
    """The metadata of an object.

    Args:
        name: Name of the object.
        labels: Labels of the object.
        namespace: Namespace of the object; None for an object without one.
        annotations: Annotations of the object.
    """
    result: Manifest = {"name": name, "labels": dict(labels)}
    if namespace is not None:
        result["namespace"] = namespace
    if annotations:
        result["annotations"] = dict(annotations)
    return result


class _Plain(yaml.SafeDumper):
    """Repeats a value that occurs twice instead of writing a YAML alias."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - yaml's own signature
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Multi-line text as a literal block: files in a ConfigMap stay readable."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Plain.add_representer(str, _text)
# numbers to Kubernetes and other readers in Go, though not to PyYAML: text such as a checksum may look like one
_Plain.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+([eE][-+]?[0-9]+)?$"), [*"-+0123456789"]
)


def to_yaml(value: object) -> str:
    """Plain data as YAML, with the order of keys unchanged."""
    return yaml.dump(value, Dumper=_Plain, sort_keys=False)


def checksum(value: object) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of plain data as sorted JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _provider_version() -> str:
    """Version of the provider that belongs to the installed `pulumi_kubernetes`."""
    return version("pulumi-kubernetes")


def resource_type(manifest: Manifest) -> str:
    """The Pulumi type of an object, such as ``kubernetes:core/v1:Service``."""
    version_of_api: str = manifest["apiVersion"]
    return f"kubernetes:{version_of_api if '/' in version_of_api else f'core/{version_of_api}'}:{manifest['kind']}"


def resource(name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """Registers a manifest as a resource of its API version and kind.

    State, transforms and policies are the same as with the class of `pulumi_kubernetes`. The class itself is not used:
    it would convert every answer of the provider to Python types that nobody reads (bench/engine.py measures the cost).

    Args:
        name: Name of the resource.
        manifest: Kubernetes object.
        opts: Resource options.
    """
    fields = dict(manifest)
    own = pulumi.ResourceOptions(version=_provider_version())
    if fields["kind"] == "Secret":
        own.additional_secret_outputs = list(_SECRET_FIELDS)
        fields |= {key: pulumi.Output.secret(fields[key]) for key in _SECRET_FIELDS if key in fields}
    return pulumi.CustomResource(resource_type(manifest), name, fields, pulumi.ResourceOptions.merge(own, opts))


def patch(name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """Registers fields of an object that another stack owns; their removal leaves the rest of the object.

    Args:
        name: Name of the resource.
        manifest: The object's identity and the fields that belong to this stack.
        opts: Resource options.
    """
    own = pulumi.ResourceOptions(version=_provider_version())
    token = f"{resource_type(manifest)}Patch"
    return pulumi.CustomResource(token, name, dict(manifest), pulumi.ResourceOptions.merge(own, opts))
