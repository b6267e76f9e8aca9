"""`make rotate`: new certificates and keys are in use, old ones are refused, and nothing else has changed."""

from __future__ import annotations

import base64
import datetime as dt
import json
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from otel_mesh_cli.core import secrets
from otel_mesh_cli.smoke import arrival, request
from otel_mesh_embedded.node.control_plane import encryption, stored_values
from otel_mesh_embedded.node.layout import API_PORT, KUBELET_PORT, NODE_ADDRESS, layout
from otel_mesh_embedded.pki import authorities, credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

    import httpx

pytestmark = [pytest.mark.e2e, pytest.mark.full]

PORTS = (API_PORT, KUBELET_PORT)


def serials() -> list[int]:
    """Serial numbers of the certificates the programs currently serve."""
    shown = (ssl.get_server_certificate((str(NODE_ADDRESS), port)) for port in PORTS)
    return [x509.load_pem_x509_certificate(pem.encode()).serial_number for pem in shown]


@pytest.fixture
def identities(pods: Callable[[], list[dict[str, Any]]]) -> Callable[[], dict[str, tuple[str, int]]]:
    """The pods by workload, with the fields that change on replacement or restart."""

    def call() -> dict[str, tuple[str, int]]:
        return {
            pod["metadata"]["labels"]["app.kubernetes.io/name"]: (
                pod["metadata"]["uid"],
                sum(status["restartCount"] for status in pod["status"]["containerStatuses"]),
            )
            for pod in pods()
        }

    return call


@pytest.fixture
def canary(kubectl: Callable[..., str]) -> Iterator[str]:
    """The value of a Secret."""
    value = "canary-3b1f0c"
    kubectl("create", "secret", "generic", "canary", "-n", "shop", f"--from-literal=bird={value}")
    yield value
    kubectl("delete", "secret", "canary", "-n", "shop")


def rotate(run: Callable[..., CompletedProcess[str]], *kinds: str) -> str:
    done = run("make", "rotate", f"WHAT={' '.join(kinds)}")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def bird(kubectl: Callable[..., str]) -> str:
    told = kubectl("get", "secret", "canary", "-n", "shop", "-o", "jsonpath={.data.bird}")
    return base64.b64decode(told).decode()


def is_refused(run: Callable[..., CompletedProcess[str]], kubeconfig: Path) -> bool:
    done = run("kubectl", f"--kubeconfig={kubeconfig}", "get", "--raw", "/readyz")
    return done.returncode != 0 and "certificate" in done.stderr


def test_certificates_are_renewed_under_the_same_authority_while_pods_run(
    run: Callable[..., CompletedProcess[str]],
    identities: Callable[[], dict[str, tuple[str, int]]],
    note: Callable[[], str],
) -> None:
    before, old = identities(), serials()
    authority = credentials.authority(layout(), credentials.CLUSTER).read_bytes()
    said = rotate(run)
    assert "certificates issued anew, as asked: apiserver" in said
    assert not set(serials()) & set(old)
    assert credentials.authority(layout(), credentials.CLUSTER).read_bytes() == authority
    assert identities() == before
    assert note() == "1"


def test_new_authorities_refuse_old_certificates(
    run: Callable[..., CompletedProcess[str]],
    identities: Callable[[], dict[str, tuple[str, int]]],
    note: Callable[[], str],
    tmp_path: Path,
) -> None:
    before, old = identities(), serials()
    stolen = tmp_path / "kubeconfig"
    stolen.write_bytes(layout().kubeconfig.read_bytes())
    assert not is_refused(run, stolen)
    said = rotate(run, "authorities")
    assert not set(serials()) & set(old)
    # also for a client that trusts the new authority and so completes the handshake
    content = json.loads(run("kubectl", f"--kubeconfig={stolen}", "config", "view", "--raw", "-o", "json").stdout)
    trusting = tmp_path / "trusting"
    new_authority = credentials.authority(layout(), credentials.CLUSTER).read_bytes()
    content["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(new_authority).decode()
    trusting.write_text(json.dumps(content))
    assert is_refused(run, stolen)
    done = run("kubectl", f"--kubeconfig={trusting}", "get", "--raw", "/readyz")
    assert done.returncode != 0
    assert "logged in" in done.stderr or "Unauthorized" in done.stderr
    assert "it knows the former authority" in said
    after = identities()
    for name in ("postgres", "api-gateway", "user-service"):
        assert after[name] == before[name], "it does not talk to the API server: nothing to learn"
    assert note() == "1"
    assert run("pulumi", "preview", "--expect-no-changes").returncode == 0


def test_tokens_signed_with_the_old_key_are_accepted_until_replaced(
    run: Callable[..., CompletedProcess[str]],
    kubectl: Callable[..., str],
    identities: Callable[[], dict[str, tuple[str, int]]],
) -> None:
    def accepts(token: str) -> bool:
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token},
        }
        answer = json.loads(kubectl("create", "-f", "-", "-o", "json", input=json.dumps(review)))
        return bool(answer["status"].get("authenticated"))

    before = identities()
    old = kubectl("create", "token", "default", "-n", "shop", "--duration=4h").strip()
    rotate(run, "tokens")
    new = kubectl("create", "token", "default", "-n", "shop").strip()
    assert old.split(".")[0] != new.split(".")[0], "the header names the key"
    assert accepts(old)
    assert accepts(new)
    # as if it had been two hours ago
    kept = list(layout().pki.glob(f"{credentials.SERVICE_ACCOUNT}.*.pub"))
    assert kept
    for number, path in enumerate(kept):
        path.rename(path.with_name(f"{credentials.SERVICE_ACCOUNT}.20200101T00000{number}Z.pub"))
    done = run("make", "up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(layout().pki.glob(f"{credentials.SERVICE_ACCOUNT}.*.pub"))
    assert not accepts(old)
    assert accepts(new)
    assert identities() == before


def test_secrets_are_encrypted_at_rest_and_their_key_can_be_rotated(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str], canary: str
) -> None:
    def stored() -> dict[str, bytes]:
        return dict(stored_values.values(layout(), stored_values.SECRETS))

    def key_names() -> set[bytes]:
        assert all(value.startswith(b"k8s:enc:secretbox:v1:") for value in stored().values())
        return {value.split(b":")[4] for value in stored().values()}

    assert stored_values.values(layout(), "/registry/namespaces/shop")["/registry/namespaces/shop"].startswith(
        b"k8s\0"
    ), "what is no Secret is readable there, so that the test looks at the right place"
    assert len(stored()) > 1
    old = key_names()
    said = rotate(run, "encryption")
    assert f"encrypting {len(stored())} Secrets with a new key" in said
    new = key_names()
    assert len(new) == 1
    assert not old & new
    assert canary.encode() not in b"".join(stored().values())
    assert bird(kubectl) == canary
    assert not encryption.is_changing(layout())
    text = encryption.path(layout()).read_text()
    assert text.count("secret:") == 1


def test_an_interrupted_key_rotation_is_finished_by_make_up(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str], canary: str
) -> None:
    encryption.add_key(layout())
    encryption.add_key(layout())
    assert encryption.is_changing(layout())
    done = run("make", "up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not encryption.is_changing(layout())
    assert bird(kubectl) == canary


def _from_user_service(run: Callable[..., CompletedProcess[str]], code: str, password: str, *words: str) -> str:
    """Output of a program beside a declared caller of both stores: others are refused before they log in."""
    container = ("exec", "-i", "-n", "shop", "deploy/user-service", "-c", "user-service", "--")
    return run("kubectl", *container, "python", "-c", code, *words, input=f"{password}\n").stdout.strip()


def test_the_database_accepts_a_new_password_and_refuses_the_old_one(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str], note: Callable[[], str]
) -> None:
    file = secrets.secrets_dir() / secrets.POSTGRES_PASSWORD
    others = {
        "shop_migrations": secrets.secrets_dir() / secrets.MIGRATIONS_PASSWORD,
        "shop_services": secrets.secrets_dir() / secrets.SERVICES_PASSWORD,
    }
    login = (
        "import sys, psycopg\n"
        "password = sys.stdin.readline().removesuffix('\\n')\n"
        "login = {'host': 'postgres', 'user': sys.argv[1], 'dbname': 'user_service', 'password': password}\n"
        "with psycopg.connect(**login) as database:\n"
        "    print(database.execute('select 1').fetchone()[0])"
    )

    def logs_in(password: str, role: str = "shop") -> bool:
        return _from_user_service(run, login, password, role) == "1"

    old = file.read_text()
    olds = {role: path.read_text() for role, path in others.items()}
    assert logs_in(old)
    assert all(logs_in(password, role) for role, password in olds.items())
    said = rotate(run, "passwords")
    new = file.read_text()
    assert new != old
    assert "telling the database its new password" in said
    assert new not in said
    assert logs_in(new)
    assert not logs_in(old)
    for role, path in others.items():
        assert logs_in(path.read_text(), role)
        assert not logs_in(olds[role], role)
    assert note() == "1", "it logs in with what its pod has mounted"
    # set by hand, or by a run killed between the database and the stack: both are applied to the database
    odd = f"it's {new}"
    file.write_text(odd)
    done = run("make", "up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert logs_in(odd)
    kubectl("delete", "pod", "-n", "shop", "-l", "app.kubernetes.io/name=user-service", "--wait=true")
    kubectl("rollout", "status", "-n", "shop", "deployment/user-service", "--timeout=180s")
    request.run()
    assert note() == "1"
    file.write_text(new)
    assert run("make", "up").returncode == 0
    assert logs_in(new)


def test_the_cache_and_its_clients_change_to_a_new_password(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str], http: httpx.Client
) -> None:
    file = secrets.secrets_dir() / secrets.REDIS_PASSWORD
    ping = (
        "import sys, redis\n"
        "password = sys.stdin.readline().removesuffix('\\n')\n"
        "print(redis.Redis(host='redis', username='shop', password=password).ping())"
    )

    def logs_in(password: str) -> bool:
        return _from_user_service(run, ping, password) == "True"

    old = file.read_text()
    assert logs_in(old)
    said = rotate(run, "passwords")
    new = file.read_text()
    assert new != old
    assert new not in said
    kubectl("rollout", "status", "-n", "shop", "deployment/redis", "--timeout=180s")
    assert logs_in(new)
    assert not logs_in(old)
    # a new connection uses the mounted password, and the cache is used again automatically
    end = time.monotonic() + 60
    while True:
        spans = arrival.wait_for_trace(http, request.request(http), request.problems)
        outcomes = {span.tags["cache.outcome"] for span in spans if "cache.outcome" in span.tags}
        if outcomes == {"hit"}:
            break
        assert time.monotonic() < end, outcomes
        time.sleep(1)
    assert not [span for span in spans if span.failed]


@pytest.mark.parametrize("days", [-400, 10], ids=["ended", "not valid yet"])
def test_certificates_outside_their_validity_are_named_and_renewed_by_make_up(
    run: Callable[..., CompletedProcess[str]], note: Callable[[], str], days: int
) -> None:
    """The effect of a clock jump, simulated by certificates issued for another time."""
    authority = credentials.authority(layout(), credentials.CLUSTER).read_bytes()
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    leaves = [credentials.API_SERVER_SERVING, credentials.ADMIN, credentials.KUBELET]
    for leaf in leaves:
        authorities.issue(layout().pki, leaf, moment)
    assert len(credentials.untimely(layout())) == len(leaves)
    assert "certificate admin: " in run("make", "-s", "status").stdout
    done = run("make", "up")
    assert done.returncode == 0, done.stdout + done.stderr
    said = next(line for line in done.stdout.splitlines() if "certificates issued anew" in line)
    assert ("ended" if days < 0 else "was it set back?") in said
    assert all(leaf.name in said for leaf in leaves)
    assert credentials.authority(layout(), credentials.CLUSTER).read_bytes() == authority
    assert not credentials.untimely(layout())
    assert note() == "1"
