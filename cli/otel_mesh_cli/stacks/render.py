"""`otel-mesh render --stack prod --out DIR`: a stack's objects as files, byte for byte the same, without a secret.

There is a folder for each namespace and one for cluster-scoped objects. Secrets are included for review, with a marked
placeholder for each value; the kustomization leaves them out, so that nobody applies one over a real Secret.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import yaml

from otel_mesh.k8s.manifests import to_yaml
from otel_mesh_cli.core import output_folder
from otel_mesh_cli.core.output import Answer
from otel_mesh_cli.stacks import rendering

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

INDEX = "kustomization.yaml"
_COMMAND = "otel-mesh render"
PLACEHOLDER = "placeholder: the real value is never written"
_PLACEHOLDER_NOTE = "otel-mesh.dev/placeholder"
_CLUSTER = "_cluster"  # not a valid name of a namespace
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def answer(stack: str, out: str) -> Answer:
    """Write a stack's objects and say what was written.

    Args:
        stack: Name of a stack file in the checkout.
        out: Folder to write; one that this command wrote before is replaced as a whole.

    Raises:
        CommandError: The folder holds other files, or the stack's program refused its settings.
    """
    target = output_folder.named(out, _COMMAND, INDEX, f"{_COMMAND} --stack {stack} --out rendered")
    warnings: list[str] = []
    with rendering.of(stack) as made:
        folder = made.write(warnings.append)
        manifests = [content for path in sorted(folder.rglob("*.yaml")) for content in _documents(path)]
    count = write(stack, manifests, target)
    lines = [f"warning: {warning}" for warning in sorted(warnings)]
    lines.append(f"stack {stack}: {len(manifests)} objects in {count} files below {target}")
    found = {
        "stack": stack,
        "folder": str(target),
        "objects": len(manifests),
        "files": count,
        "warnings": sorted(warnings),
    }
    return Answer(found, lambda _: print("\n".join(lines)))


def _documents(path: Path) -> list[dict[str, Any]]:
    return [content for content in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader) if content]


def write(stack: str, manifests: Iterable[dict[str, Any]], target: Path) -> int:
    """Replace the contents of a folder with manifests, atomically.

    Args:
        stack: Name of the stack, for the index.
        manifests: Objects in any order.
        target: Folder to replace.

    Returns:
        Number of files.
    """
    contents = arrange(stack, manifests)
    output_folder.replace(target, contents)
    return len(contents)


def arrange(stack: str, manifests: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Contents of the files by path: one for each object, and an index of those that may be applied."""
    contents: dict[str, str] = {}
    applied = []
    for manifest in sorted(manifests, key=_key):
        path = _path(manifest)
        if path in contents:  # the same kind and name in two groups of the API
            group = str(manifest["apiVersion"]).partition("/")[0]
            path = path.replace(".yaml", f".{_UNSAFE.sub('_', group)}.yaml")
        contents[path] = to_yaml(_sorted(without_secrets(manifest)))
        if manifest["kind"] != "Secret":
            applied.append(path)
    index = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": applied}
    mark = f"{output_folder.mark(_COMMAND)} for stack {stack}"
    contents[INDEX] = f"{mark}. Secrets are left out: theirs are placeholders.\n{to_yaml(index)}"
    return contents


def _key(manifest: dict[str, Any]) -> tuple[str, ...]:
    meta = manifest["metadata"]
    return str(meta.get("namespace", "")), str(manifest["kind"]), str(meta["name"]), str(manifest["apiVersion"])


def _path(manifest: dict[str, Any]) -> str:
    meta = manifest["metadata"]
    name = _UNSAFE.sub("_", f"{manifest['kind'].lower()}-{meta['name']}")
    return f"{_UNSAFE.sub('_', str(meta.get('namespace', _CLUSTER)))}/{name}.yaml"


def _sorted(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


def without_secrets(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest; of a Secret, its keys with a placeholder for each value."""
    if manifest["kind"] != "Secret":
        return manifest
    encoded = base64.b64encode(PLACEHOLDER.encode()).decode()
    hidden = {
        **manifest,
        "metadata": {
            **manifest["metadata"],
            "annotations": {**(manifest["metadata"].get("annotations") or {}), _PLACEHOLDER_NOTE: "true"},
        },
    }
    for field, value in (("data", encoded), ("stringData", PLACEHOLDER)):
        if field in manifest:
            hidden[field] = dict.fromkeys(manifest[field], value)
    return hidden
