"""Environment variables of telemetry with their types and limits; all mistakes are reported together.

Imported by :meth:`~otel_mesh_telemetry.Config.from_env` only, because pydantic takes longer to import than the rest of
the library.
"""

from __future__ import annotations

import logging
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from otel_mesh_telemetry.config import ConfigError
from otel_mesh_telemetry.outside import outside_from
from otel_mesh_telemetry.profiles import PROFILES
from otel_mesh_telemetry.server_features import features_from

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_log = logging.getLogger(__name__)

_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_OTHER_LEVEL_NAMES: Final = {"WARN": "WARNING", "FATAL": "CRITICAL"}


def _level(value: str) -> str:
    return _OTHER_LEVEL_NAMES.get(value.upper(), value.upper())


def _known(value: str, names: Collection[str]) -> str:
    if value not in names:
        raise ValueError(f"unknown value; set one of {', '.join(names)}")
    return value


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        raise ValueError("not a number of seconds; correct it") from None
    if not isfinite(seconds) or seconds <= 0:
        raise ValueError("not a finite number above zero; correct it")
    return seconds


def _readable(path: str) -> str:
    try:
        with Path(path).open("rb"):
            return path
    except OSError as error:
        # Otherwise the exporter would start without the file and fail later, or trust the wrong certificates.
        raise ValueError(f"{error.strerror}; mount the file there") from error


_Exporter = Literal["otlp", "console", "none"]
_Protocol = Literal["grpc", "http/protobuf"]
_Seconds = Annotated[float, BeforeValidator(_seconds)]
_File = Annotated[str, AfterValidator(_readable)]
_Profile = Annotated[str, AfterValidator(lambda value: _known(value, PROFILES))]
_Level = Annotated[str, BeforeValidator(_level), AfterValidator(lambda value: _known(value, _LEVELS))]


class _Source(PydanticBaseSettingsSource):
    """Variables from a mapping; empty variables count as unset, as the specification requires."""

    def __init__(self, settings: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings)
        self._environ = environ

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        return self._environ.get(_variable(self.settings_cls, field_name), "").strip(), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value}


def _variable(settings: type[BaseSettings], field: str) -> str:
    return f"{settings.model_config.get('env_prefix', '')}{field.upper()}"


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The mapping passed as ``environ``, in place of all default sources."""
        del env_settings, dotenv_settings, file_secret_settings
        return (_Source(settings_cls, init_settings()["environ"]),)


class Process(_Settings):
    """Settings of the whole process."""

    log_level: _Level = "INFO"
    otel_mesh_batch_profile: _Profile | None = None
    service_mesh: str = ""
    otel_propagators: str = ""
    otel_sdk_disabled: str = ""
    otel_traces_exporter: _Exporter = "otlp"
    otel_metrics_exporter: _Exporter = "otlp"
    otel_logs_exporter: _Exporter = "otlp"


class Otlp(_Settings):
    """OTLP exporter settings shared by all signals; base of the settings per signal."""

    model_config = SettingsConfigDict(env_prefix="OTEL_EXPORTER_OTLP_")

    protocol: _Protocol | None = None
    timeout: _Seconds | None = None
    certificate: _File | None = None
    client_key: _File | None = None
    client_certificate: _File | None = None


class OtlpTraces(Otlp):
    """OTLP exporter settings of traces."""

    model_config = SettingsConfigDict(env_prefix="OTEL_EXPORTER_OTLP_TRACES_")


class OtlpMetrics(Otlp):
    """OTLP exporter settings of metrics."""

    model_config = SettingsConfigDict(env_prefix="OTEL_EXPORTER_OTLP_METRICS_")


class OtlpLogs(Otlp):
    """OTLP exporter settings of logs."""

    model_config = SettingsConfigDict(env_prefix="OTEL_EXPORTER_OTLP_LOGS_")


OTLP: Final[dict[str, type[Otlp]]] = {"traces": OtlpTraces, "metrics": OtlpMetrics, "logs": OtlpLogs}


class Spans(_Settings):
    """Settings of the batch processor of spans."""

    model_config = SettingsConfigDict(env_prefix="OTEL_BSP_")

    max_queue_size: PositiveInt | None = None
    max_export_batch_size: PositiveInt | None = None
    schedule_delay: PositiveInt | None = None

    def numbers(self) -> dict[str, int]:
        """The settings that are set, keyed by the variable's name without its prefix."""
        return {name.upper(): value for name, value in self if value is not None}


class Records(Spans):
    """Settings of the batch processor of log records."""

    model_config = SettingsConfigDict(env_prefix="OTEL_BLRP_")


FEATURES: Final = ("OTEL_MESH_PEER_IDENTITY", "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST")
"""Variables read by :func:`~otel_mesh_telemetry.server_features.features_from`."""

S = TypeVar("S", bound=_Settings)


class Reader:
    """Reads groups of settings from an environment and collects the mistakes.

    Attributes:
        mistakes: Messages of the mistakes found so far, each with variable, value and remedy.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self.mistakes: list[str] = []

    def read(self, settings: type[S]) -> S:
        """The settings of a group; invalid variables are reported and replaced by their defaults."""
        try:
            return settings(environ=self._environ)
        except ValidationError as error:
            for mistake in error.errors(include_url=False):
                self._report(settings, mistake)
            return self.read(settings)

    def _report(self, settings: type[_Settings], mistake: ErrorDetails) -> None:
        name = _variable(settings, str(mistake["loc"][0]))
        value = self._environ.pop(name)
        if mistake["type"] == "value_error":  # raised by a validator of this module
            self.mistakes.append(f"{name}={value!r}: {mistake['ctx']['error']}")
        elif mistake["type"] == "literal_error":  # the specification requires a warning for these and for numbers
            _log.warning("%s=%r ignored: not supported; set one of %s", name, value, mistake["ctx"]["expected"])
        else:
            _log.warning("%s=%r ignored: not a positive integer; correct it", name, value)

    def check(self) -> None:
        """Report all mistakes, including those in the variables of server features, which are read again later.

        Raises:
            ConfigError: Mistakes were found.
        """
        for name in FEATURES:
            try:
                features_from({name: self._environ.get(name, "")})
            except ConfigError as error:
                self.mistakes += error.mistakes
        try:
            outside_from(self._environ)
        except ConfigError as error:
            self.mistakes += error.mistakes
        if self.mistakes:
            raise ConfigError(*self.mistakes)
