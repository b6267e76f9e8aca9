"""Valid settings, as read by `settings.read`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from otel_mesh import JaegerSettings, PrometheusSettings
from otel_mesh_stack import identity
from otel_mesh_stack.model import StackSettings
from otel_mesh_stack.variables import variables_of
from tests.infra.stack_config import IMAGES, MESHED, NODE, PASSWORD, UID, accepted, changed, stack_settings

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from pulumi import Output

    from otel_mesh_stack.settings import Stack

STACKS = ("local", "dev", "prod")


def _passwords(made: Stack) -> tuple[Output[str] | None, ...]:
    return made.postgres_password, made.migrations_password, made.services_password, made.redis_password


@pytest.mark.parametrize("stack", STACKS)
def test_the_stacks_of_the_checkout_are_valid(stack: str) -> None:
    made = accepted(stack_settings(stack), stack)
    assert made.service_images == IMAGES
    for password in _passwords(made):
        assert (password is None) is (stack != "local")


@pytest.mark.parametrize(("stack", "switch"), [("local", "on"), ("dev", "on"), ("prod", "off")])
def test_demonstration_payments_are_off_by_default(stack: str, switch: str) -> None:
    settings = accepted(stack_settings(stack), stack).settings
    assert variables_of(settings, "payment-service") == {"DEMONSTRATION_METHODS": switch}
    assert not StackSettings.model_fields["demonstration_payments"].default


ISTIO_IMAGES = {
    "istio-pilot": "example.invalid/pilot:1",
    "istio-proxyv2": "example.invalid/proxyv2:1",
    "istio-install-cni": "example.invalid/install-cni:1",
}


def test_files_of_the_environment_complete_the_mesh_settings(tmp_path: Path) -> None:
    (tmp_path / "images.json").write_text(json.dumps({**IMAGES, **ISTIO_IMAGES}))
    istio = accepted({**changed(), **MESHED}).settings.mesh.istio
    assert [istio.control_plane.image, istio.proxy.image, istio.cni.image] == list(ISTIO_IMAGES.values())
    assert {"bin_dir": istio.cni.bin_dir, "conf_dir": istio.cni.conf_dir, "conf_file": istio.cni.conf_file} == {
        "bin_dir": NODE["cni_bin_dir"],
        "conf_dir": NODE["cni_conf_dir"],
        "conf_file": NODE["cni_conf_name"],
    }


def test_settings_of_the_node_override_the_file() -> None:
    own = {"mesh": {**MESHED["mesh"], "istio": {"cni": {"conf_file": "05-own.conflist"}}}}
    assert accepted({**changed(), **own}).settings.mesh.istio.cni.conf_file == "05-own.conflist"


def test_passwords_are_secret_outputs_and_never_shown(loop: asyncio.AbstractEventLoop) -> None:
    stack = accepted(stack_settings("local"))
    for password in _passwords(stack):
        assert password is not None
        assert loop.run_until_complete(password.is_secret())
    assert PASSWORD not in repr(stack)


def test_images_come_from_the_file_unless_the_stack_sets_them(tmp_path: Path) -> None:
    file = {**IMAGES, "jaeger": "file.invalid/jaeger:1", "prometheus": "file.invalid/prometheus:1"}
    (tmp_path / "images.json").write_text(json.dumps(file))
    own = {"image": "own.invalid/api-gateway:2"}
    made = accepted(changed(jaeger__image="own.invalid/jaeger:2", services={"api-gateway": own}))
    assert isinstance(made.settings.jaeger, JaegerSettings)
    assert isinstance(made.settings.prometheus, PrometheusSettings)
    assert made.settings.jaeger.image == "own.invalid/jaeger:2"
    assert made.settings.prometheus.image == "file.invalid/prometheus:1"
    assert str(made.settings.collector.image).startswith("docker.io/otel/")
    assert made.service_images["api-gateway"] == "own.invalid/api-gateway:2"


def test_a_service_overrides_single_defaults() -> None:
    values = changed(services={"api-gateway": {"replicas": 4}}, service_defaults={"replicas": 2, "log_level": "DEBUG"})
    made = accepted(values).settings
    assert (made.services["api-gateway"].replicas, made.services["api-gateway"].log_level) == (4, "DEBUG")
    assert (made.services["user-service"].replicas, made.services["user-service"].log_level) == (2, "DEBUG")


def test_settings_of_the_stack_apply_to_every_workload_without_its_own() -> None:
    common = {"priority_class": "usual", "node_selector": {"disk": "fast"}, "image_pull_secrets": ["registry"]}
    made = accepted(
        changed(
            scheduling=common,
            storage_class="ssd",
            jaeger={"scheduling": {"priority_class": "low"}, "storage": {"kind": "persistent"}},
            service_defaults={"replicas": 3, "scheduling": {"image_pull_secrets": []}},
            services={"user-service": {"scheduling": {"priority_class": "high", "max_unavailable": 2}}},
        )
    ).settings
    assert isinstance(made.jaeger, JaegerSettings)
    assert isinstance(made.prometheus, PrometheusSettings)
    found = {
        "jaeger": made.jaeger.scheduling,
        "prometheus": made.prometheus.scheduling,
        "collector": made.collector.scheduling,
        **{name: service.scheduling for name, service in made.services.items()},
    }
    assert {name: one.priority_class for name, one in found.items()} == {
        "jaeger": "low",
        "prometheus": "usual",
        "collector": "usual",
        **dict.fromkeys(made.services, "usual"),
        "user-service": "high",
    }
    assert all(one.node_selector == {"disk": "fast"} for one in found.values())
    assert made.jaeger.scheduling.image_pull_secrets == ("registry",)
    assert made.services["api-gateway"].scheduling.image_pull_secrets == ()
    assert (made.services["user-service"].replicas, made.services["user-service"].scheduling.max_unavailable) == (3, 2)
    assert made.jaeger.storage.storage_class == "ssd"
    assert made.prometheus.storage.storage_class == "local"  # its own


def test_a_service_overrides_defaults_field_by_field() -> None:
    made = accepted(
        changed(
            service_defaults={"resources": {"cpu": "1", "memory": "100Mi", "memory_limit": "200Mi"}},
            services={"api-gateway": {"resources": {"memory_limit": "300Mi"}}},
        )
    ).settings
    found = made.services["api-gateway"].resources
    assert (found.cpu, found.memory, found.memory_limit) == ("1", "100Mi", "300Mi")


def test_the_stack_has_the_uid_of_its_cluster() -> None:
    assert accepted(changed()).cluster_uid == UID
    assert accepted(changed(cluster__uid=UID)).cluster_uid == UID


def test_without_a_cluster_no_file_of_the_machine_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_MESH_IMAGES_FILE", "OTEL_MESH_SECRETS_DIR"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setattr(identity, "read_uid", lambda _: pytest.fail("asks a cluster"))
    monkeypatch.setenv("OTEL_MESH_RENDER_DIR", str(tmp_path))
    stack = accepted(stack_settings("local"))
    assert (stack.render_dir, stack.cluster_uid) == (tmp_path, None)
    assert stack.service_images["api-gateway"] == "placeholder.invalid/api-gateway:0.1.0"
    assert stack.postgres_password is not None


def test_an_autoscaler_takes_the_place_of_the_number_of_pods_of_all_services() -> None:
    values = changed(
        service_defaults={"replicas": 3, "log_level": "DEBUG"},
        services={"user-service": {"autoscaling": {"max": 5, "cpu_percent": 70}}},
    )
    made = accepted(values).settings.services
    assert made["user-service"].autoscaling is not None
    assert "replicas" not in made["user-service"].model_fields_set
    assert (made["user-service"].log_level, made["order-service"].replicas) == ("DEBUG", 3)
