"""Files and environment variables of a stack, and the messages if they are missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.infra.stack_config import CONTEXT, IMAGES, MESHED, PASSWORD_FILES, accepted, changed, refused


def test_all_problems_with_surrounding_files_are_reported_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OTEL_MESH_IMAGES_FILE")
    for name in PASSWORD_FILES:
        (tmp_path / "secrets" / name).unlink()
    assert refused(changed(cluster__context="otel-mesh-lokal")) == [
        f"cluster.context: no context 'otel-mesh-lokal' in {tmp_path}/kubeconfig; did you mean 'otel-mesh-local'?",
        (
            "images_from_file: OTEL_MESH_IMAGES_FILE is not set; "
            "set it (`otel-mesh up` writes it, or set images.registry instead)"
        ),
        *(
            f"{name.partition('-')[0]}_password_file: {tmp_path}/secrets/{name}: No such file or directory; "
            "write the password to it, on one line"
            for name in PASSWORD_FILES
        ),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [("[", "not JSON"), ("[]", "the content is not a pinned image"), ('{"a": "b"}', "a is not a pinned image")],
)
def test_a_bad_image_file(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "images.json").write_text(content)
    assert refused(changed()) == [
        (
            f"images_from_file: OTEL_MESH_IMAGES_FILE={tmp_path}/images.json: {reason}; "
            'give a JSON object such as {"api-gateway": "registry/api-gateway:1.0"}'
        )
    ]


def test_a_service_without_an_image(tmp_path: Path) -> None:
    others = {name: image for name, image in IMAGES.items() if name != "api-gateway"}
    (tmp_path / "images.json").write_text(json.dumps(others))
    assert refused(changed()) == [
        (
            "services.api-gateway.image: no image; name one here, or set images.registry, "
            "or images_from_file and OTEL_MESH_IMAGES_FILE"
        )
    ]


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"\xff\xfe", b"x" * 4097], ids=repr)
def test_an_invalid_password_file_is_rejected_without_its_content(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secrets" / "postgres-password").write_bytes(content)
    (mistake,) = refused(changed())
    assert mistake.startswith(f"postgres_password_file: {tmp_path}/secrets/postgres-password: ")
    assert "two" not in mistake
    assert "xxx" not in mistake


@pytest.mark.parametrize("name", ["../postgres-password", "/etc/passwd", ".", "", "a/b"])
def test_a_password_file_name_with_a_path_is_refused(name: str) -> None:
    (mistake,) = refused(changed(postgres_password_file=name))
    assert mistake.startswith("postgres_password_file: ")


@pytest.mark.parametrize("content", ["contexts: [", "- a", "contexts: 3", "contexts: [1, {}]", ""])
def test_an_unreadable_kubeconfig(tmp_path: Path, content: str) -> None:
    (tmp_path / "kubeconfig").write_text(content)
    (mistake,) = refused(changed())
    assert mistake.startswith("cluster.context: ")


def test_files_named_in_the_kubeconfig_list_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/missing:{tmp_path}/kubeconfig")
    assert accepted(changed()).settings.cluster.context == CONTEXT


def test_without_the_kubeconfig_variable_the_default_file_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert refused(changed()) == [
        (
            f"cluster.context: no context 'otel-mesh-local' in {Path(tmp_path)}/.kube/config; "
            "set KUBECONFIG to the cluster's kubeconfig"
        )
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        ("[]", "not a JSON object with cni_bin_dir, cni_conf_dir, cni_conf_name"),
        ("{", "not a JSON object with cni_bin_dir, cni_conf_dir, cni_conf_name"),
        ('{"cni_bin_dir": "/x"}', "not a JSON object with cni_bin_dir, cni_conf_dir, cni_conf_name"),
    ],
)
def test_a_bad_node_file(tmp_path: Path, content: str | None, reason: str) -> None:
    place = tmp_path / "node.json"
    place.unlink()
    if content is not None:
        place.write_text(content)
    (mistake,) = refused({**changed(), **MESHED})
    assert mistake == f"mesh.node_from_file: OTEL_MESH_NODE_FILE={place}: {reason}; run `otel-mesh up`, which writes it"


def test_a_missing_folder_of_charts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_MESH_CHARTS_DIR", str(tmp_path / "nowhere"))
    (mistake,) = refused({**changed(), **MESHED})
    assert mistake.startswith(f"mesh: OTEL_MESH_CHARTS_DIR={tmp_path}/nowhere: no such folder; ")
    monkeypatch.setenv("OTEL_MESH_CHARTS_DIR", str(tmp_path))
    assert accepted({**changed(), **MESHED}).charts_dir == str(tmp_path)
