"""What `settings.read` accepts and refuses, and how it says so."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_mesh import InvalidSettingsError
from otel_mesh.problems import parse
from otel_mesh_stack.model import StackSettings
from otel_mesh_stack.settings import Stack, read
from tests.infra.stack_config import CONTEXT, IMAGES, NODE, PASSWORD, stack_settings, use

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

STACKS = ("local", "dev", "prod")


def _refusal(values: object) -> list[str]:
    use(values)
    with pytest.raises(pulumi.RunError) as refused:
        read()
    headline, *mistakes = str(refused.value).split("\n")
    count = f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "1 mistake"
    assert headline == f"settings of stack 'local': {count}, nothing was changed"
    return [mistake.strip() for mistake in mistakes]


def _changed(**changes: object) -> dict[str, Any]:
    values = copy.deepcopy(stack_settings("local"))
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = values
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return values


def _read(values: object, stack: str = "local") -> Stack:
    use(values, stack)
    return read()


@pytest.mark.parametrize("stack", STACKS)
def test_the_stacks_of_the_checkout_are_valid(stack: str) -> None:
    made = _read(stack_settings(stack), stack)
    assert made.service_images == IMAGES
    assert (made.postgres_password is None) is (stack != "local")


ISTIO_IMAGES = {
    "istio-pilot": "example.invalid/pilot:1",
    "istio-proxyv2": "example.invalid/proxyv2:1",
    "istio-install-cni": "example.invalid/install-cni:1",
}
MESHED = {"mesh": {"kind": "istio", "node_from_file": True}}


def test_the_files_of_the_environment_complete_the_mesh(tmp_path: Path) -> None:
    (tmp_path / "images.json").write_text(json.dumps({**IMAGES, **ISTIO_IMAGES}))
    istio = _read({**_changed(), **MESHED}).settings.mesh.istio
    assert [istio.control_plane.image, istio.proxy.image, istio.cni.image] == list(ISTIO_IMAGES.values())
    assert {"bin_dir": istio.cni.bin_dir, "conf_dir": istio.cni.conf_dir, "conf_file": istio.cni.conf_file} == {
        "bin_dir": NODE["cni_bin_dir"],
        "conf_dir": NODE["cni_conf_dir"],
        "conf_file": NODE["cni_conf_name"],
    }


def test_what_the_stack_says_of_the_node_wins_over_the_file() -> None:
    own = {"mesh": {**MESHED["mesh"], "istio": {"cni": {"conf_file": "05-own.conflist"}}}}
    assert _read({**_changed(), **own}).settings.mesh.istio.cni.conf_file == "05-own.conflist"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        ("[]", "no JSON object with cni_bin_dir, cni_conf_dir, cni_conf_name"),
        ("{", "no JSON object with cni_bin_dir, cni_conf_dir, cni_conf_name"),
        ('{"cni_bin_dir": "/x"}', "no JSON object with cni_bin_dir, cni_conf_dir, cni_conf_name"),
    ],
)
def test_a_bad_node_file(tmp_path: Path, content: str | None, reason: str) -> None:
    place = tmp_path / "node.json"
    place.unlink()
    if content is not None:
        place.write_text(content)
    (mistake,) = _refusal({**_changed(), **MESHED})
    assert mistake == f"mesh.node_from_file: OTEL_MESH_NODE_FILE={place}: {reason}; run `make up`, which writes it"


def test_a_folder_of_charts_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_MESH_CHARTS_DIR", str(tmp_path / "nowhere"))
    (mistake,) = _refusal({**_changed(), **MESHED})
    assert mistake.startswith(f"mesh: OTEL_MESH_CHARTS_DIR={tmp_path}/nowhere: no such folder; ")
    monkeypatch.setenv("OTEL_MESH_CHARTS_DIR", str(tmp_path))
    assert _read({**_changed(), **MESHED}).charts_dir == str(tmp_path)


def test_a_password_is_secret_from_the_start_and_shown_nowhere(loop: asyncio.AbstractEventLoop) -> None:
    stack = _read(stack_settings("local"))
    assert stack.postgres_password is not None
    assert loop.run_until_complete(stack.postgres_password.is_secret())
    assert PASSWORD not in repr(stack)


def test_images_come_from_the_file_unless_the_stack_names_them(tmp_path: Path) -> None:
    file = {**IMAGES, "jaeger": "file.invalid/jaeger:1", "prometheus": "file.invalid/prometheus:1"}
    (tmp_path / "images.json").write_text(json.dumps(file))
    own = {"image": "own.invalid/api-gateway:2"}
    made = _read(_changed(jaeger__image="own.invalid/jaeger:2", services={"api-gateway": own}))
    assert made.settings.jaeger.image == "own.invalid/jaeger:2"
    assert made.settings.prometheus.image == "file.invalid/prometheus:1"
    assert made.settings.collector.image.startswith("docker.io/otel/")
    assert made.service_images["api-gateway"] == "own.invalid/api-gateway:2"


def test_a_service_differs_from_the_defaults_only_where_it_says_so() -> None:
    values = _changed(services={"api-gateway": {"replicas": 4}}, service_defaults={"replicas": 2, "log_level": "DEBUG"})
    made = _read(values).settings
    assert (made.services["api-gateway"].replicas, made.services["api-gateway"].log_level) == (4, "DEBUG")
    assert (made.services["user-service"].replicas, made.services["user-service"].log_level) == (2, "DEBUG")


MISTAKES: list[tuple[dict[str, Any], list[str]]] = [
    ({"colector": {}}, ["colector: unknown key; did you mean 'collector'?"]),
    ({"collector__replica": 2}, ["collector.replica: unknown key; did you mean 'replicas'?"]),
    (
        {"prometheus__storage__storageclass": "x"},
        ["prometheus.storage.storageclass: unknown key; did you mean 'storage_class'?"],
    ),
    (
        {"services": {"api-gateway": {"replica": 2}}},
        ["services.api-gateway.replica: unknown key; did you mean 'replicas'?"],
    ),
    (
        {"services": {"api-gatway": {}}},
        ["services.api-gatway: is not in the catalogue; did you mean 'api-gateway'?"],
    ),
    (
        {"environment": "local"},
        ["environment: should be 'production', 'staging', 'test' or 'development'; correct it"],
    ),
    (
        {"postgres__storage__size": "1 Gb"},
        ["postgres.storage.size: is no Kubernetes quantity; write one such as 250m, 128Mi or 1Gi"],
    ),
    (
        {"jaeger__image": "jaeger"},
        ["jaeger.image: is no pinned image; write repository:tag or repository@sha256:digest"],
    ),
    (
        {"collector__replicas": 0, "wait": "perhaps", "jaeger__retention": "7"},
        [
            "wait: should be a valid boolean, unable to interpret input; correct it",
            "collector.replicas: should be greater than or equal to 1; correct it",
            "jaeger.retention: is no retention; write hours, days or weeks such as 12h, 7d or 4w",
        ],
    ),
    (
        {"postgres__existing_secret": "given"},
        [
            (
                "postgres_password_file: PostgreSQL's password: both are given; "
                "set either postgres_password_file or postgres.existing_secret"
            )
        ],
    ),
    (
        {"postgres_password_file": None},
        [
            (
                "postgres_password_file: PostgreSQL's password: neither is given; "
                "set either postgres_password_file or postgres.existing_secret"
            )
        ],
    ),
    (
        {"namespaces": {"services": "observability"}},
        ["namespaces.services: is the namespace of observability too; use two namespaces"],
    ),
]


@pytest.mark.parametrize(("changes", "mistakes"), MISTAKES, ids=[mistakes[0].split(":")[0] for _, mistakes in MISTAKES])
def test_mistakes_are_told_with_path_reason_and_remedy(changes: dict[str, Any], mistakes: list[str]) -> None:
    assert _refusal(_changed(**changes)) == mistakes


@pytest.mark.parametrize(
    ("values", "mistake"),
    [
        (
            None,
            (
                "otel-mesh:settings: required but missing; "
                "add it to Pulumi.local.yaml, with at least environment and cluster"
            ),
        ),
        ([], "should be a valid dictionary or instance of StackSettings; correct it"),
        ("text", "should be a valid dictionary or instance of StackSettings; correct it"),
    ],
)
def test_settings_that_are_none(values: object, mistake: str) -> None:
    assert _refusal(values) == [mistake]


def test_settings_that_are_no_json() -> None:
    use({})
    pulumi.runtime.set_all_config({"otel-mesh:settings": "{"})
    with pytest.raises(pulumi.RunError, match="otel-mesh:settings: is no object; write a mapping of settings"):
        read()


def test_what_surrounds_the_stack_is_checked_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_MESH_IMAGES_FILE")
    (tmp_path / "secrets" / "postgres-password").unlink()
    assert _refusal(_changed(cluster__context="otel-mesh-lokal")) == [
        f"cluster.context: no context 'otel-mesh-lokal' in {tmp_path}/kubeconfig; did you mean 'otel-mesh-local'?",
        "images_from_file: OTEL_MESH_IMAGES_FILE is not set; set it (`make up` writes it)",
        (
            f"postgres_password_file: {tmp_path}/secrets/postgres-password: No such file or directory; "
            "put the password there, on one line"
        ),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [("[", "not JSON"), ("[]", "the whole is no pinned image"), ('{"a": "b"}', "a is no pinned image")],
)
def test_a_bad_image_file(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "images.json").write_text(content)
    assert _refusal(_changed()) == [
        (
            f"images_from_file: OTEL_MESH_IMAGES_FILE={tmp_path}/images.json: {reason}; "
            'give a JSON object such as {"api-gateway": "registry/api-gateway:1.0"}'
        )
    ]


def test_a_service_without_an_image(tmp_path: Path) -> None:
    (tmp_path / "images.json").write_text(json.dumps({"user-service": "a:1"}))
    assert _refusal(_changed()) == [
        (
            "services.api-gateway.image: there is no image to run; "
            "name one here, or set images_from_file and OTEL_MESH_IMAGES_FILE"
        )
    ]


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"\xff\xfe", b"x" * 4097], ids=repr)
def test_a_bad_password_file_is_refused_without_a_word_of_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secrets" / "postgres-password").write_bytes(content)
    (mistake,) = _refusal(_changed())
    assert mistake.startswith(f"postgres_password_file: {tmp_path}/secrets/postgres-password: ")
    assert "two" not in mistake
    assert "xxx" not in mistake


@pytest.mark.parametrize("name", ["../postgres-password", "/etc/passwd", ".", "", "a/b"])
def test_a_password_file_lies_in_its_folder(name: str) -> None:
    (mistake,) = _refusal(_changed(postgres_password_file=name))
    assert mistake.startswith("postgres_password_file: ")


@pytest.mark.parametrize("content", ["contexts: [", "- a", "contexts: 3", "contexts: [1, {}]", ""])
def test_a_kubeconfig_that_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "kubeconfig").write_text(content)
    (mistake,) = _refusal(_changed())
    assert mistake.startswith("cluster.context: ")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just(PASSWORD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def _places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(place for key, one in inner for place in _places(one, (*path, key)))]


def _mutations(draw: Callable[..., Any], values: dict[str, Any]) -> object:
    """The value with one to three places replaced, removed, renamed or added to."""
    root: dict[str, Any] = {"": values}
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([place for place in _places(root) if place]))
        *parents, last = path
        place: Any = root
        for parent in parents:
            place = place[parent]
        match draw(st.sampled_from(["replace", "remove", "rename", "add"])):
            case "remove" if path != ("",):
                del place[last]
            case "rename" if isinstance(place, dict) and path != ("",):
                place[f"{last}s"] = place.pop(last)
            case "add" if isinstance(place[last], dict):
                place[last][draw(st.text(max_size=8))] = draw(JSON)
            case _:
                place[last] = draw(JSON)
    return root[""]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), stack=st.sampled_from(STACKS))
def test_a_random_mutation_is_accepted_or_refused_with_problems(data: st.DataObject, stack: str) -> None:
    values = _mutations(data.draw, copy.deepcopy(stack_settings(stack)))
    try:
        parse(StackSettings, values)
    except InvalidSettingsError as refused:
        problems = refused.problems
    else:
        return
    assert problems
    assert all(problem.reason and problem.remedy for problem in problems)
    use(values)
    with pytest.raises(pulumi.RunError) as error:
        read()
    assert len(str(error.value).splitlines()) >= 2


def test_files_named_in_the_kubeconfig_list_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/missing:{tmp_path}/kubeconfig")
    assert _read(_changed()).settings.cluster.context == CONTEXT


def test_without_kubeconfig_variable_the_default_file_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _refusal(_changed()) == [
        (
            f"cluster.context: no context 'otel-mesh-local' in {Path(tmp_path)}/.kube/config; "
            "set KUBECONFIG to the cluster's kubeconfig"
        )
    ]
