"""Real pushes with skopeo to a real registry on the loopback."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.images.builder import EmbeddedBuilder, Plan
from otel_mesh_cli.images.registry_checks import pinned, require, require_answer
from otel_mesh_embedded.entry import ENTRY
from tests.embedded.images.docker_registry import docker_archive, running
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.built import Built

BUILDER = EmbeddedBuilder(ENTRY.images)
IMAGES = [
    Plan("api-gateway", "otel-mesh.local/api-gateway:0123", None),
    Plan("jaeger", "otel-mesh.local/jaeger:4567", None),
]


@pytest.fixture(autouse=True)
def _archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built: Built) -> None:
    for package in ("docker-registry", "skopeo"):
        built.debian(package)
    file = docker_archive(tmp_path / "image.tar")
    monkeypatch.setattr("otel_mesh_embedded.images.archive", lambda _: file)
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))  # none of the machine's own


def test_images_are_pushed_once_and_named_by_tag_and_digest(tmp_path: Path) -> None:
    said: list[str] = []
    with running(tmp_path / "registry") as place:
        require_answer(BUILDER, f"{place}/shop")
        published = BUILDER.publish(IMAGES, f"{place}/shop", said.append)
        assert len(said) == 2
        assert BUILDER.publish(IMAGES, f"{place}/shop", said.append) == published
        assert len(said) == 2, "nothing is pushed again"
        digest = BUILDER.digest(f"{place}/shop/api-gateway:0123")
        assert published["api-gateway"] == f"{place}/shop/api-gateway:0123@{digest}"
        assert pinned(BUILDER, f"{place}/shop/jaeger:4567") == f"{place}/shop/jaeger@{digest}"
        require(BUILDER, published.values())


def test_an_image_that_is_not_there_is_named_with_its_registry(tmp_path: Path) -> None:
    with running(tmp_path / "registry") as place:
        with pytest.raises(CommandError, match=rf"^image {place}/shop/x:1: {place} has none of this name") as caught:
            require(BUILDER, [f"{place}/shop/x:1"])
        assert f"skopeo login {place}" in caught.value.remedy
        with pytest.raises(CommandError, match="--base-image"):
            pinned(BUILDER, f"{place}/shop/x:1")


def test_a_registry_with_a_login_refuses_others_and_takes_the_credentials_that_its_tools_keep(
    tmp_path: Path,
) -> None:
    password = secrets.token_hex(8)
    hashed = subprocess.run(
        ["perl", "-e", "print crypt(<STDIN>, q($2y$05$abcdefghijklmnopqrstuu))"],
        input=password, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    (tmp_path / "htpasswd").write_text(f"ada:{hashed}\n")
    auth = {"htpasswd": {"realm": "test", "path": str(tmp_path / "htpasswd")}}
    with running(tmp_path / "registry", auth=auth) as place:
        with pytest.raises(CommandError, match=rf"^image {place}/shop/api-gateway:0123: refused: ") as caught:
            BUILDER.publish(IMAGES, f"{place}/shop", print)
        assert f"skopeo login {place}" in caught.value.remedy
        token = base64.b64encode(f"ada:{password}".encode()).decode()
        (tmp_path / "auth.json").write_text(json.dumps({"auths": {place: {"auth": token}}}))
        assert set(BUILDER.publish(IMAGES, f"{place}/shop", print)) == {one.name for one in IMAGES}


def test_a_registry_that_takes_nothing_is_named_with_the_image(tmp_path: Path) -> None:
    read_only = {"maintenance": {"readonly": {"enabled": True}}}
    with running(tmp_path / "registry", storage=read_only) as place:
        require_answer(BUILDER, f"{place}/shop")
        with pytest.raises(CommandError, match=rf"^image {place}/shop/api-gateway:0123: takes no images: "):
            BUILDER.publish(IMAGES, f"{place}/shop", print)


def test_nobody_there_is_said_so() -> None:
    port = free_port()
    with pytest.raises(CommandError, match=rf"^registry 127\.0\.0\.1:{port}: is unreachable: .*connection refused"):
        require_answer(BUILDER, f"127.0.0.1:{port}/shop")


@pytest.fixture
def own_address() -> str:
    """An address of this machine that is not on its loopback."""
    told = subprocess.run(["ip", "-4", "-o", "addr"], capture_output=True, text=True, check=True).stdout
    return next(line.split()[3].partition("/")[0] for line in told.splitlines() if " lo " not in line)


def test_plain_http_is_for_the_loopback_only(tmp_path: Path, own_address: str) -> None:
    with (
        running(tmp_path / "registry", address=own_address) as place,
        pytest.raises(CommandError, match=rf"^registry {place}: speaks plain HTTP, allowed on"),
    ):
        require_answer(BUILDER, f"{place}/shop")


def test_a_certificate_is_verified(tmp_path: Path, own_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
    ]
    command += ["-subj", "/CN=test", "-addext", f"subjectAltName=IP:{own_address}", "-keyout", str(key)]
    subprocess.run([*command, "-out", str(certificate)], check=True, capture_output=True)
    tls = {"tls": {"certificate": str(certificate), "key": str(key)}}
    with running(tmp_path / "registry", address=own_address, http=tls) as place:
        with pytest.raises(CommandError, match=rf"^registry {place}: its certificate is not trusted here: ") as caught:
            require_answer(BUILDER, f"{place}/shop")
        assert f"certs.d/{place}/ca.crt" in caught.value.remedy
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        require_answer(BUILDER, f"{place}/shop")
