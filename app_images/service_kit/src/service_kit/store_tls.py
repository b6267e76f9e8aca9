"""TLS of a service's connections to its stores."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from service_kit.settings import SettingsError

if TYPE_CHECKING:
    from service_kit.settings import Environment

MODES: Final = ("disable", "require", "verify-ca", "verify-full")
"""Modes of TLS, named and meant as in https://www.postgresql.org/docs/current/libpq-ssl.html."""


def _file(environment: Environment, name: str) -> Path | None:
    return environment.secret_file(name) if environment.text(name, "") else None


@dataclass(frozen=True, slots=True)
class StoreTls:
    """TLS of the connections to a store.

    Attributes:
        mode: One of `MODES`.
        ca_file: File with the authorities that the server's certificate is verified with; None for the system's.
        certificate_file: File with the client's certificate; None without one.
        key_file: File with the key of that certificate.
    """

    mode: str
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    @classmethod
    def from_environment(cls, environment: Environment, prefix: str) -> StoreTls | None:
        """The settings from <prefix>_TLS_MODE, _CA_FILE, _CERTIFICATE_FILE and _KEY_FILE; None if no mode is set.

        Args:
            environment: Environment variables.
            prefix: Prefix of the variables.

        Raises:
            SettingsError: A variable is invalid, a file is not readable, or the authorities cannot verify anything.
        """
        if not environment.text(f"{prefix}_TLS_MODE", ""):
            return None
        found = cls(
            mode=environment.choice(f"{prefix}_TLS_MODE", "verify-full", MODES),
            ca_file=_file(environment, f"{prefix}_CA_FILE"),
            certificate_file=_file(environment, f"{prefix}_CERTIFICATE_FILE"),
            key_file=_file(environment, f"{prefix}_KEY_FILE"),
        )
        if found.mode == "verify-ca" and found.ca_file is None:
            reason = "the system's authorities sign certificates for everybody; name a file, or set verify-full"
            raise SettingsError(f"{prefix}_CA_FILE: not set, but {prefix}_TLS_MODE is verify-ca: {reason}")
        return found

    def postgres(self) -> dict[str, str]:
        """Connection arguments for psycopg."""
        paths = {"sslcert": self.certificate_file, "sslkey": self.key_file}
        chosen = {name: str(path) for name, path in paths.items() if path is not None}
        if self.mode.startswith("verify"):
            chosen["sslrootcert"] = str(self.ca_file or _system_authorities())
        return {"sslmode": self.mode, **chosen}

    def redis(self) -> dict[str, Any]:
        """Arguments of redis-py's SSLConnection; only for other modes than ``disable``."""
        paths = {"ssl_ca_certs": self.ca_file, "ssl_certfile": self.certificate_file, "ssl_keyfile": self.key_file}
        return {
            "ssl_cert_reqs": "required" if self.mode.startswith("verify") else "none",
            "ssl_check_hostname": self.mode == "verify-full",
            "ssl_min_version": ssl.TLSVersion.TLSv1_2,
            **{name: str(path) for name, path in paths.items() if path is not None},
        }


def _system_authorities() -> str:
    """The file with the system's authorities: psycopg's own OpenSSL looks for it in a folder that no system has."""
    paths = ssl.get_default_verify_paths()
    files = [paths.cafile, paths.capath and f"{paths.capath}/ca-certificates.crt"]
    return next((file for file in files if file and Path(file).is_file()), "system")
