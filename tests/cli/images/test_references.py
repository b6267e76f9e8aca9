"""Names of images and registries."""

from __future__ import annotations

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.images.references import host, is_loopback, one_name, pinned, require_registry
from otel_mesh_cli.images.services import default_base


@pytest.mark.parametrize(
    "wrong", ["", "Registry.example.com/shop", "shop", "https://registry.example.com", "r.example/a b"]
)
def test_what_names_no_registry_is_refused(wrong: str) -> None:
    with pytest.raises(CommandError, match="not the host and path"):
        require_registry(wrong)


@pytest.mark.parametrize(
    ("reference", "registry", "loopback"),
    [
        ("127.0.0.1:5000/shop/api:1", "127.0.0.1:5000", True),
        ("127.9.9.9/shop/api:1", "127.9.9.9", True),
        ("localhost/api:1", "localhost", True),
        ("localhost:5000/api:1", "localhost:5000", True),
        ("library/python:3.11", "docker.io", False),
        ("python:3.11", "docker.io", False),
        ("localhost.example.com/api:1", "localhost.example.com", False),
        ("10.87.0.1:5000/api:1", "10.87.0.1:5000", False),
    ],
)
def test_the_registry_of_a_reference(reference: str, registry: str, loopback: bool) -> None:  # noqa: FBT001
    assert host(reference) == registry
    assert is_loopback(reference) == loopback


def test_the_services_name_one_public_base() -> None:
    assert default_base().startswith("docker.io/library/python:3.")


@pytest.mark.parametrize("name", ["r.example:5000/a", "r.example:5000/a:1", "r.example:5000/a@sha256:00"])
def test_a_digest_takes_the_place_of_a_tag(name: str) -> None:
    assert pinned(name, "sha256:11") == "r.example:5000/a@sha256:11"


def test_of_a_tag_and_a_digest_the_digest_counts() -> None:
    assert one_name("r.example:5000/a:1@sha256:11") == "r.example:5000/a@sha256:11"
    assert one_name("r.example:5000/a:1") == "r.example:5000/a:1"
