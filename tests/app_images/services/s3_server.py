"""An S3-compatible server with TLS that checks signatures: moto's, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import ssl
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import boto3  # type: ignore[import-untyped]
import httpx

from otel_mesh_cli.core import child_processes
from otel_mesh_embedded.pki import authorities
from tests.programs.ports import free_port
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

BUCKET: Final = "backups"
REGION: Final = "eu-central-1"
LOOPBACK: Final = IPv4Address("127.0.0.1")
POLICY: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{BUCKET}*"]}],
}
ENVIRONMENT: Final = {"S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true"}
"""The bucket is in the path, whatever the server's name is."""


@dataclass(frozen=True)
class S3Server:
    """A running server.

    Attributes:
        endpoint: URL of the server by its address.
        ca: File with the authority of its certificate.
        key: The access key that may use `BUCKET`.
        secret: The secret access key.
    """

    endpoint: str
    ca: Path
    key: str
    secret: str

    def at(self, host: str) -> str:
        """The URL of the server by its host name."""
        return f"https://{host}:{urlsplit(self.endpoint).port}"

    def objects(self) -> dict[str, int]:
        """Size of each object by its name."""
        found = self._client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", ())
        return {one["Key"]: one["Size"] for one in found}

    def put(self, name: str, content: bytes) -> None:
        self._client("s3").put_object(Bucket=BUCKET, Key=name, Body=content)

    def _client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes the classes at run time
        return client(service, self.endpoint, self.ca, self.key, self.secret)


def client(service: str, endpoint: str, ca: Path, key: str = "any", secret: str = "any") -> Any:  # noqa: ANN401, S107
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        verify=str(ca),
    )


@contextmanager
def serving(folder: Path, address: IPv4Address = LOOPBACK, host: str = "localhost") -> Iterator[S3Server]:
    """A server with an empty bucket and one user who may use it.

    Args:
        folder: Empty folder for certificates and the server's log.
        address: Address of the server.
        host: Host name in its certificate, beside the address.
    """
    leaf = authorities.Leaf("server", "ca", "an object store", server=True, dns_names=(host,), addresses=(address,))
    authorities.ensure(folder, ["ca"], [leaf])
    ca, port = folder / "ca.crt", free_port()
    command = [sys.executable, "-m", "moto.server", "-H", str(address), "-p", str(port)]
    command += ["-c", str(folder / "server.crt"), "-k", str(folder / "server.key")]
    environment = {**os.environ, **ENVIRONMENT}
    with (
        (folder / "log").open("wb") as log,
        child_processes.start(command, ending=signal.SIGTERM, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            endpoint = f"https://{address}:{port}"
            until_up(endpoint, ca, process)
            yield with_user(endpoint, ca)
        finally:
            process.terminate()


def trusting(ca: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca))


def until_up(endpoint: str, ca: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            httpx.get(f"{endpoint}/moto-api/", verify=trusting(ca)).raise_for_status()
        except httpx.TransportError:
            assert process.poll() is None, "the server has ended"
            assert time.monotonic() < end, "the server does not start"
            time.sleep(0.05)
        else:
            return


def with_user(endpoint: str, ca: Path) -> S3Server:
    """The server with its bucket and user; from now on it refuses everybody else."""
    client("s3", endpoint, ca).create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    iam = client("iam", endpoint, ca)
    iam.create_user(UserName="backups")
    iam.put_user_policy(UserName="backups", PolicyName="backups", PolicyDocument=json.dumps(POLICY))
    made = iam.create_access_key(UserName="backups")["AccessKey"]
    context = trusting(ca)
    httpx.post(f"{endpoint}/moto-api/reset-auth", content=b"0", verify=context, timeout=PATIENCE_S).raise_for_status()
    return S3Server(endpoint, ca, made["AccessKeyId"], made["SecretAccessKey"])
