"""S1.6: settings from the environment: the specification's names win, ours fill in."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from otel_mesh_telemetry import Config, ConfigError
from otel_mesh_telemetry.profiles import PROFILES, Batching
from otel_mesh_telemetry.resource import build_resource

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.sdk.resources import Resource


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("linkerd", Batching(2048, 512, 5.0)),
        ("istio", Batching(4096, 1024, 3.0)),
        ("high_traffic", Batching(8192, 2048, 2.0, 15.0)),
    ],
)
def test_s1_6_batch_profiles_have_the_seed_figures(profile: str, expected: Batching) -> None:
    config = Config.from_env({"OTEL_MESH_BATCH_PROFILE": profile})
    assert config.batching["traces"] == expected
    assert config.batching["logs"] == expected


def test_s1_6_the_mesh_chooses_the_profile_unless_one_is_named() -> None:
    assert Config.from_env({"SERVICE_MESH": "istio"}).batching["traces"] == PROFILES["istio"]
    named = Config.from_env({"SERVICE_MESH": "istio", "OTEL_MESH_BATCH_PROFILE": "high_traffic"})
    assert named.batching["traces"] == PROFILES["high_traffic"]
    assert Config.from_env({"SERVICE_MESH": "kuma"}).batching["traces"] == PROFILES["default"]


def test_s1_6_standard_variables_win_over_the_profile_by_signal() -> None:
    config = Config.from_env(
        {
            "OTEL_MESH_BATCH_PROFILE": "istio",
            "OTEL_BSP_MAX_QUEUE_SIZE": "100",
            "OTEL_BSP_SCHEDULE_DELAY": "250",
            "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "7",
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "2.5",
        }
    )
    assert config.batching["traces"] == Batching(100, 100, 0.25, 2.5)
    assert config.batching["logs"] == Batching(4096, 7, 3.0)


def test_protocols_and_exporters_by_signal() -> None:
    config = Config.from_env(
        {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "grpc",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_TRACES_EXPORTER": "",
        }
    )
    assert config.protocols == {"traces": "http/protobuf", "metrics": "http/protobuf", "logs": "grpc"}
    assert config.exporters == {"traces": "otlp", "metrics": "none", "logs": "otlp"}


@pytest.mark.parametrize("variable", ["OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_BSP_MAX_QUEUE_SIZE"])
def test_unknown_standard_values_are_warned_about_and_ignored(variable: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        config = Config.from_env({variable: "-1"})
    assert config == Config.from_env({})
    assert f"{variable}='-1'" in caplog.text


def test_own_variables_and_unreadable_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="OTEL_MESH_BATCH_PROFILE='fast': unknown value; set one of default, linkerd"):
        Config.from_env({"OTEL_MESH_BATCH_PROFILE": "fast"})
    with pytest.raises(ConfigError, match="LOG_LEVEL='loud': unknown value"):
        Config.from_env({"LOG_LEVEL": "loud"})
    with pytest.raises(ConfigError, match=r"CERTIFICATE='.*/ca.crt': No such file or directory; mount the file there"):
        Config.from_env({"OTEL_EXPORTER_OTLP_CERTIFICATE": str(tmp_path / "ca.crt")})


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env(
            {
                "OTEL_MESH_BATCH_PROFILE": "fast",
                "LOG_LEVEL": "loud",
                "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": str(tmp_path / "ca.crt"),
                "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "soon",
                "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "-1",
                "OTEL_MESH_PEER_IDENTITY": "anybody",
                "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "x-tenant,cookie",
            }
        )
    assert [mistake.partition("=")[0].partition(":")[0] for mistake in caught.value.mistakes] == [
        "LOG_LEVEL",
        "OTEL_MESH_BATCH_PROFILE",
        "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
        "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
        "OTEL_MESH_PEER_IDENTITY",
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",
    ]
    lines = str(caught.value).splitlines()
    assert lines[0] == "7 mistakes in the environment:"
    assert lines[1] == "- LOG_LEVEL='loud': unknown value; set one of DEBUG, INFO, WARNING, ERROR, CRITICAL"
    assert "- OTEL_EXPORTER_OTLP_LOGS_TIMEOUT='soon': not a number of seconds; correct it" in lines


def test_what_is_set_for_a_signal_wins_over_what_is_set_for_all() -> None:
    config = Config.from_env({"OTEL_EXPORTER_OTLP_TIMEOUT": "4", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "3"})
    assert (config.batching["traces"].timeout, config.batching["logs"].timeout) == (4.0, 3.0)


def test_the_process_environment_is_read_and_empty_values_count_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "debug")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    assert (Config.from_env().log_level, Config.from_env().exporters["traces"]) == ("DEBUG", "console")
    monkeypatch.setenv("LOG_LEVEL", "  ")
    assert Config.from_env().log_level == "INFO"


def test_importing_the_library_does_not_import_pydantic() -> None:
    code = "import sys, otel_mesh_telemetry; print(sorted({'pydantic', 'grpc', 'wrapt'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_log_levels_by_their_common_names() -> None:
    assert [Config.from_env({"LOG_LEVEL": name}).log_level for name in ("warn", "Fatal", "debug", "")] == [
        "WARNING",
        "CRITICAL",
        "DEBUG",
        "INFO",
    ]


def resource_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Resource:
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return build_resource(Config.from_env().aliases)


def test_s1_6_resource_aliases_fill_what_the_standard_variables_leave_open(monkeypatch: pytest.MonkeyPatch) -> None:
    attributes = resource_of(
        monkeypatch,
        SERVICE_NAME="alias",
        SERVICE_VERSION="1.0",
        ENVIRONMENT="staging",
        POD_NAME="api-1",
        POD_UID="u-1",
        POD_NAMESPACE="shop",
        SERVICE_MESH="istio",
        MESH_VERSION="1.31.0",
        CANONICAL_SERVICE="api",
        CANONICAL_REVISION="",
        OTEL_RESOURCE_ATTRIBUTES="service.version=2.0,k8s.pod.name=from-standard,empty=",
    ).attributes
    assert attributes["service.name"] == "alias"
    assert attributes["service.version"] == "2.0"
    assert attributes["k8s.pod.name"] == "from-standard"
    assert attributes["deployment.environment.name"] == "staging"
    assert attributes["service.instance.id"] == attributes["k8s.pod.uid"] == "u-1"
    assert (attributes["service.mesh"], attributes["service.mesh.version"]) == ("istio", "1.31.0")
    assert attributes["istio.canonical_service"] == "api"
    assert "istio.canonical_revision" not in attributes, "an unknown value is left out, not sent as an empty one"
    assert "empty" not in attributes


def test_s1_6_otel_service_name_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    attributes = resource_of(
        monkeypatch,
        SERVICE_NAME="alias",
        OTEL_RESOURCE_ATTRIBUTES="service.name=attribute",
        OTEL_SERVICE_NAME="standard",
    ).attributes
    assert attributes["service.name"] == "standard"


def test_s1_6_every_process_has_an_instance_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POD_UID", raising=False)
    assert resource_of(monkeypatch, OTEL_SERVICE_NAME="x").attributes["service.instance.id"]


def test_what_becomes_of_outsiders_is_checked_at_the_start_with_all_else() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env({"OTEL_MESH_OUTSIDE_CONTEXT": "ignore", "LOG_LEVEL": "LOUD"})
    assert any("OTEL_MESH_OUTSIDE_CONTEXT='ignore'" in mistake for mistake in caught.value.mistakes)
    assert any("LOG_LEVEL" in mistake for mistake in caught.value.mistakes)
