"""Fields without a setting, changed by a transform; tests/engine/test_late_values.py does it on the real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from otel_mesh import changing

if TYPE_CHECKING:
    from otel_mesh import Manifest

PROPS: dict[str, Any] = {"metadata": {"name": "jaeger"}, "spec": {"template": {"spec": {"containers": []}}}}


def own_dns(deployment: Manifest) -> None:
    deployment["spec"]["template"]["spec"]["dnsPolicy"] = "None"


def changed(type_: str = "kubernetes:apps/v1:Deployment", name: str | None = None) -> Any:  # noqa: ANN401 - an object
    args = pulumi.ResourceTransformArgs(True, type_, "mine", PROPS, pulumi.ResourceOptions())  # noqa: FBT003 - pulumi's own
    result: Any = changing("Deployment", own_dns, name)(args)
    return None if result is None else result.props


def test_a_field_of_an_object_is_changed() -> None:
    assert changed()["spec"]["template"]["spec"] == {"containers": [], "dnsPolicy": "None"}
    assert "dnsPolicy" not in str(PROPS), "a copy is changed"
    assert changed(name="jaeger") is not None


@pytest.mark.parametrize("type_", ["kubernetes:apps/v1:StatefulSet", "other:apps/v1:Deployment"])
def test_other_kinds_are_left_alone(type_: str) -> None:
    assert changed(type_) is None


def test_an_object_of_another_name_is_left_alone() -> None:
    assert changed(name="orders") is None
