"""Problems in the addresses of stores, in the form of `tests.infra.mistakes`."""

from __future__ import annotations

from typing import Any, Final

from tests.infra.mistake import Mistake

ADDRESS: Final = {"host": "db.example.com", "services_secret": "shop-database", "addresses": ["192.0.2.10/32"]}


def _postgres(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - of a stack file
    return {"postgres": {**ADDRESS, **fields}, "postgres_password_file": None, "postgres_backup": None}


def _redis(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - of a stack file
    given = {"host": "cache.example.com", "login_secret": "shop-cache", **fields}
    return {"redis": given, "redis_password_file": None}


def _store(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - of a stack file
    return {"postgres_backup": {"store": {"endpoint": "https://objects.example.com", "bucket": "backups", **fields}}}


STORES = (
    Mistake(
        "a database of one's own and an address",
        _postgres(storage={"kind": "persistent"}, existing_secret="given"),  # noqa: S106 - the Secret's name
        (
            "postgres.storage: is a setting of the stack's own PostgreSQL, which 'host' replaces; remove it, or 'host'",
            (
                "postgres.existing_secret: is a setting of the stack's own PostgreSQL, which 'host' replaces; "
                "remove it, or 'host'"
            ),
        ),
    ),
    Mistake(
        "a database's login without its address",
        {"postgres": {"services_secret": "shop-database"}},
        ("postgres.services_secret: belongs to an address outside, but there is no 'host'; add 'host', or remove it",),
    ),
    Mistake(
        "a database outside without a login",
        {**_postgres(), "postgres": {"host": "db.example.com"}},
        ("postgres.services_secret: required but missing; add it",),
    ),
    Mistake(
        "a database by IP address",
        _postgres(host="192.0.2.10"),
        ("postgres.host: is an address; write a host name, which the mesh and the server's certificate know",),
        in_editor=False,
    ),
    Mistake(
        "a database in no namespace",
        _postgres(host="database.svc"),
        ("postgres.host: is not the name of a Service; write <name>.<namespace>.svc.cluster.local",),
        in_editor=False,
    ),
    Mistake(
        "a URL in place of a database's host",
        _postgres(host="postgres://db.example.com"),
        ("postgres.host: is not a host name; write one such as api.example.com, without scheme, port and path",),
        in_editor=False,
    ),
    Mistake(
        "a database in the mesh without its addresses",
        _postgres(addresses=[]),
        (
            (
                "postgres.addresses: required in a mesh: the connections begin without a host name that proxies could "
                "read; list the server's address ranges"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a cache without TLS outside the cluster",
        _redis(tls={"mode": "disable"}),
        ("redis.tls.mode: would leave the cluster unencrypted; set verify-full",),
        in_editor=False,
    ),
    Mistake(
        "a certificate of anybody's",
        _redis(tls={"mode": "verify-ca"}),
        (
            (
                "redis.tls.ca: required with mode 'verify-ca': the image's authorities sign certificates for "
                "everybody; name your authority's certificate, or set mode to verify-full"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "authorities that verify nothing",
        _redis(tls={"mode": "require", "ca": {"secret": "cache-ca"}}),
        ("redis.tls.ca: has no effect with mode 'require'; remove it, or set verify-full",),
        in_editor=False,
    ),
    Mistake(
        "a client's certificate without TLS",
        _redis(host="cache.data.svc", tls={"mode": "disable", "client_secret": "cache-client"}),
        ("redis.tls.client_secret: has no effect with mode 'disable'; remove it",),
        in_editor=False,
    ),
    Mistake(
        "an unknown mode of TLS",
        _redis(tls={"mode": "prefer"}),
        ("redis.tls.mode: should be 'disable', 'require', 'verify-ca' or 'verify-full'; choose one of them",),
    ),
    Mistake(
        "a generated password for a cache outside",
        {**_redis(), "redis_password_file": "redis-password"},
        ("redis_password_file: has no effect on a Redis outside, whose login is in a Secret; remove it",),
        in_editor=False,
    ),
    Mistake(
        "backups of a database that others run",
        {**_postgres(), "postgres_backup": {}},
        (
            (
                "postgres_backup: backs up the stack's own PostgreSQL, which 'postgres.host' replaces; "
                "remove it, and let whoever runs that server back it up"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "backups to a pod's own volume",
        {"postgres_backup": {"storage": {"kind": "ephemeral"}}},
        (
            (
                "postgres_backup.storage.kind: would lose every dump with its pod; "
                "set it to persistent, or copy the dumps to a 'store'"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "an object store without its bucket",
        {"postgres_backup": {"store": {"endpoint": "https://objects.example.com"}}},
        ("postgres_backup.store.bucket: required but missing; add it",),
    ),
    Mistake(
        "a bucket in the address, and a prefix like a folder",
        _store(endpoint="https://objects.example.com/backups", prefix="/main/"),
        (
            (
                "postgres_backup.store.prefix: is not a prefix; write names with slashes between them such as "
                "clusters/main, without one at either end"
            ),
        ),
    ),
    Mistake(
        "a bucket in the address",
        _store(endpoint="https://objects.example.com/backups"),
        ("postgres_backup.store.endpoint: has a path, which is the bucket's place; write the bucket in 'bucket'",),
        in_editor=False,
    ),
    Mistake(
        "dumps that leave the cluster unencrypted",
        _store(endpoint="http://objects.example.com"),
        ("postgres_backup.store.endpoint: would leave the cluster unencrypted; write https:// in 'endpoint'",),
        in_editor=False,
    ),
    Mistake(
        "authorities of a store without TLS",
        _store(endpoint="http://objects.data.svc:9000", ca={"secret": "authorities"}),
        ("postgres_backup.store.ca: has no effect on http://; write https:// in 'endpoint', or remove it",),
        in_editor=False,
    ),
    Mistake(
        "an object store by IP address",
        _store(endpoint="https://192.0.2.10"),
        (
            (
                "postgres_backup.store.endpoint: its host is an address; write a host name, which the mesh and the "
                "server's certificate know"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "an object store in no namespace",
        _store(endpoint="http://minio:9000"),
        (
            (
                "postgres_backup.store.endpoint: its host is not a host name; write one such as api.example.com, "
                "without scheme, port and path"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a key and a cloud identity",
        _store(credentials_secret="backup-store", identity_calls=["sts.example.com"]),  # noqa: S106 - the Secret's name
        (
            (
                "postgres_backup.store.identity_calls: has no effect beside 'credentials_secret', which replaces the "
                "cloud identity; remove one of them"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "an object store without the program that copies",
        _store(),
        (
            (
                "postgres_backup.store.image: no image; name one here, or set images.registry, or images_from_file and "
                "OTEL_MESH_IMAGES_FILE"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a key in plain text",
        _store(access_key_id="canary"),
        (
            (
                "postgres_backup.store.access_key_id: unknown key; valid are: addresses, bucket, ca, "
                "credentials_secret, endpoint, identity_calls, image, keep, prefix, region, resources, version"
            ),
        ),
    ),
    Mistake(
        "stores outside by host name only, in Linkerd",
        {
            **_redis(),
            **_store(image="registry.invalid/backup-store:1", identity_calls=["sts.example.com"]),
            "mesh__kind": "linkerd",
        },
        tuple(
            f"{place}: required in this mesh, which tells encrypted connections apart by their addresses; "
            "list the server's address ranges"
            for place in (
                "redis.addresses",
                "postgres_backup.store.addresses",
                "postgres_backup.store.identity_calls[0].addresses",
            )
        ),
        in_editor=False,
    ),
)
