"""Secrets at rest: etcd stores them encrypted with a key of this environment.

Changing the key takes three steps: a new key is put before the old one, every Secret is written anew, the old key goes.
The file says how far that is: as long as it names two keys, the next start goes on from there.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

import yaml

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.control_plane import stored_values

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_mesh_embedded.node.api import Api
    from otel_mesh_embedded.node.layout import Layout

_KEY_BYTES = 32
_PREFIX = "k8s:enc:secretbox:v1:{name}:"
_ALL = "/api/v1/secrets"


def path(layout: Layout) -> Path:
    """Encryption configuration of the API server."""
    return layout.config / "encryption.yaml"


def ensure(layout: Layout) -> None:
    """Create a key once: Secrets in etcd can be read with this key only."""
    if not path(layout).exists():
        _write(layout, [_key("key1")])


def add_key(layout: Layout) -> None:
    """Begin to change the key: from its next start on, the API server encrypts with a new one.

    A change that was begun already is not begun a second time.
    """
    ensure(layout)
    keys = _keys(layout)
    if len(keys) == 1:
        _write(layout, [_key(f"key{int(keys[0]['name'].removeprefix('key')) + 1}"), *keys])


def is_changing(layout: Layout) -> bool:
    """True if Secrets may still be encrypted with an older key."""
    return len(_keys(layout)) > 1


def finish(layout: Layout, api: Api, progress: Callable[[str], None]) -> None:
    """Write every Secret again, check the values in etcd, and remove the older key.

    Raises:
        CommandError: a Secret cannot be written, or is not encrypted with the new key afterwards.
    """
    secrets = api.items(_ALL)
    progress(f"encrypting {len(secrets)} Secrets with a new key")
    for item in secrets:
        meta = item["metadata"]
        # Someone who changed it meanwhile has written it with the new key.
        api.replace(f"/api/v1/namespaces/{meta['namespace']}/secrets/{meta['name']}", _whole(item))
    newest = _keys(layout)[0]
    prefix = _PREFIX.format(name=newest["name"]).encode()
    left = [
        key
        for key, value in stored_values.values(layout, stored_values.SECRETS).items()
        if not value.startswith(prefix)
    ]
    if left:
        raise CommandError(
            f"secrets at rest: {len(left)} are not encrypted with {newest['name']}, the first is {left[0]}",
            remedy="run `otel-mesh up` again; both keys are kept until then",
        )
    _write(layout, [newest])


def _whole(item: dict[str, Any]) -> dict[str, Any]:
    """A Secret of a list, with the kind and version that list items lack."""
    return {"apiVersion": "v1", "kind": "Secret", **item}


def _key(name: str) -> dict[str, str]:
    return {"name": name, "secret": base64.b64encode(os.urandom(_KEY_BYTES)).decode()}


def _keys(layout: Layout) -> list[dict[str, str]]:
    """Keys of the configuration; the first encrypts."""
    configuration = yaml.safe_load(path(layout).read_text())
    keys: list[dict[str, str]] = configuration["resources"][0]["providers"][0]["secretbox"]["keys"]
    return keys


def _write(layout: Layout, keys: list[dict[str, str]]) -> None:
    # The last provider reads what was written before anything was encrypted; nothing is written with it.
    providers: list[dict[str, Any]] = [{"secretbox": {"keys": keys}}, {"identity": {}}]
    configuration = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": providers}],
    }
    files.write(path(layout), yaml.safe_dump(configuration, sort_keys=False))
