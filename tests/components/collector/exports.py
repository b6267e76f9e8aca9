"""Exports of Collectors in all forms that the settings allow, for tests with the real program."""

from __future__ import annotations

from itertools import product
from typing import Any, Final

SECRET: Final = {"secret": "vendor", "key": "token"}
TLS: Final[dict[str, dict[str, Any] | None]] = {
    "plain": None,
    "public": {},
    "own-ca": {"ca": {"config_map": "authorities"}},
    "mutual": {"ca": {"secret": "authorities", "key": "root.pem"}, "client_secret": "client"},
}


def _export(protocol: str, tls: str, compression: str, *, headers: bool) -> dict[str, Any]:
    scheme = "http" if tls == "plain" else "https"
    address = f"{scheme}://otlp.vendor.svc:4317"
    one: dict[str, Any] = {"endpoint": address, "protocol": protocol, "compression": compression}
    if protocol == "http":
        one["endpoint"] = f"{scheme}://otlp.vendor.svc/base/path/"
    if TLS[tls]:
        one["tls"] = TLS[tls]
    if headers:
        one["headers"] = {"authorization": SECRET, "x-scope-orgid": {"secret": "tenant", "key": "name"}}
    return one


EVERY: Final = {
    f"{protocol}-{tls}-{compression}{'-headers' if headers else ''}": _export(
        protocol, tls, compression, headers=headers
    )
    for protocol, tls, compression, headers in product(
        ("grpc", "http"), TLS, ("gzip", "zstd", "snappy", "none"), (False, True)
    )
}
"""Every protocol, TLS, compression and use of headers, by name."""

QUEUE: Final = {"kind": "persistent", "size": "1Gi", "storage_class": "fast"}
