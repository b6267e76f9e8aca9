"""Simple values in settings."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from otel_mesh import InvalidSettingsError, MeshBinding, NoMesh, Resources, Storage
from otel_mesh.core.errors import join_path, nearest, parse
from otel_mesh.core.values import DnsLabel, Duration, ImageReference, Quantity, Retention, hours, quantity

SUFFIXES: dict[str, int | Decimal] = {
    "": 1,
    "m": Decimal("0.001"),
    "k": 1000,
    "Ki": 1024,
    "Mi": 2**20,
    "G": 10**9,
    "Gi": 2**30,
}


@settings(deadline=None)
@given(st.decimals(min_value=0, max_value=10**6, places=3), st.sampled_from(sorted(SUFFIXES)))
def test_a_quantity_is_its_number_times_its_suffix(number: Decimal, suffix: str) -> None:
    assert quantity(f"{number}{suffix}") == number * Decimal(SUFFIXES[suffix])


@settings(deadline=None)
@given(st.text() | st.from_regex(r"[0-9.]{1,20}(Mi|k|m)?", fullmatch=True))
def test_a_string_is_a_quantity_or_is_refused_with_a_remedy(text: str) -> None:
    if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?(m|[kMGT]|[KMGT]i)?", text):
        assert quantity(text) >= 0
    else:
        with pytest.raises(ValueError, match=r"^is not a Kubernetes quantity; write one such as "):
            quantity(text)


@pytest.mark.parametrize("text", ["0", "0Mi", "-1", "1 Gi", "1gi", "1e3", "", "Mi", "1Gi\n"])
def test_bad_quantities_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Quantity).validate_python(text)


@pytest.mark.parametrize(
    "image",
    [
        "docker.io/library/postgres:17",
        "localhost:5000/otel-mesh/api-gateway:0.1.0-rc.1",
        "otel-mesh.local/api-gateway:4f1d9c7e",
        f"ghcr.io/a/b@sha256:{'0' * 64}",
        "postgres:17",
    ],
)
def test_pinned_images(image: str) -> None:
    assert TypeAdapter(ImageReference).validate_python(image) == image


@pytest.mark.parametrize("image", ["postgres", "postgres:", "Postgres:17", "a b:1", "a@sha256:12", ":1", "", "a:1\n"])
def test_unpinned_images_are_refused(image: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ImageReference).validate_python(image)


@pytest.mark.parametrize(("kind", "good", "bad"), [
    (Duration, ["10s", "500ms", "1m30s", "2h"], ["10", "s", "1d", "-1s", "1.5s"]),
    (Retention, ["12h", "7d", "4w"], ["7", "7D", "1d12h", "1y"]),
    (DnsLabel, ["a", "user-service", "a1"], ["-a", "a-", "A", "1a", "a.b", "a" * 64, ""]),
])  # fmt: skip
def test_patterned_strings(
    kind: Any,  # noqa: ANN401 - any annotation
    good: list[str],
    bad: list[str],
) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(kind)
    for text in good:
        assert adapter.validate_python(text) == text
    for text in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(text)


def test_retention_in_hours() -> None:
    assert [hours(text) for text in ("12h", "7d", "2w")] == [12, 168, 336]


def test_limits_below_requests_are_refused_together() -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        parse(Resources, {"memory": "2Gi", "memory_limit": "1Gi", "cpu": "2", "cpu_limit": "500m"}, "jaeger.resources")
    assert [problem.path for problem in refused.value.problems] == [
        "jaeger.resources.memory_limit",
        "jaeger.resources.cpu_limit",
    ]


def test_a_cpu_limit_is_given_only_where_asked_for() -> None:
    assert Resources(cpu_limit="1").manifest()["limits"] == {"memory": "256Mi", "cpu": "1"}
    assert Resources().manifest()["limits"] == {"memory": "256Mi"}
    assert Resources(memory_limit="1Gi").go_memory_limit() == f"{int(2**30 * 0.8)}B"


def test_a_storage_class_without_a_claim_is_refused() -> None:
    with pytest.raises(InvalidSettingsError, match=r"storage_class: has no effect on ephemeral storage; remove it"):
        parse(Storage, {"storage_class": "fast"})


def test_identities_come_from_the_mesh() -> None:
    assert NoMesh().identity("shop", "api-gateway") is None
    istio = MeshBinding(kind="istio", trust_domain="example.org")
    assert istio.identity("shop", "api-gateway") == "spiffe://example.org/ns/shop/sa/api-gateway"
    assert MeshBinding.model_validate(istio.model_dump(mode="json")) == istio
    with pytest.raises(InvalidSettingsError, match="trust_domain: is empty although the mesh is linkerd"):
        parse(MeshBinding, {"kind": "linkerd"})


def test_paths_and_remedies_are_readable() -> None:
    assert join_path("services", 0, "port") == "services[0].port"
    assert join_path("", "a", join_path(1, "b")) == "a[1].b"
    assert nearest("replica", ["replicas", "image"]) == "did you mean 'replicas'?"
    assert nearest("xyz", ["replicas", "image"]) == "valid are: image, replicas"


def test_an_input_never_shows_in_an_error() -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        parse(Resources, {"cpu": "hunter2", "memory": ["hunter2"], "cpu_limit": {"hunter2": 1}})
    assert len(refused.value.problems) == 3
    assert "hunter2" not in str(refused.value)
