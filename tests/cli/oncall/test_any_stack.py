"""B10: on-call commands on a stack of another cluster, through an API server that proxies and refuses as a real one."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import ssl
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from otel_mesh_cli import main as commands
from otel_mesh_cli.oncall import stack_outputs
from otel_mesh_cli.oncall.stack_outputs import StackOutputs
from otel_mesh_cli.stacks import stack_file
from otel_mesh_stack import outputs
from otel_mesh_stack.outputs import OutsideApi, ServicePort, Telemetry
from otel_mesh_stack.services import CATALOG
from tests.cli.oncall import oncall_shop as shop
from tests.cli.oncall.kube_api_server import TOKEN, KubeApi, kubeconfig, serving
from tests.cli.oncall.oncall_apis import START_US, JaegerAnswers, api, vector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.cli.oncall.kube_api_server import Answer

    Said = tuple[int, str, str]

CONTEXT = "elsewhere"
STACK = ("--stack", "dev", "--context", CONTEXT)
TELEMETRY = Telemetry(
    jaeger=ServicePort(namespace="seeing", name="tracing", port=16686),
    prometheus=ServicePort(namespace="seeing", name="metrics", port=9090),
    logs=ServicePort(namespace="seeing", name="logging", port=9428),
    gateway=ServicePort(namespace="edge", name="door", port=80),
)
"""Names that nothing else here has: none of them is known to the commands."""
LINE = {
    "_time": "2026-09-21T14:13:20.004Z",
    "_msg": "order accepted",
    "span_id": "o1",
    "severity_text": "INFO",
    "service.name": "order-service",
}
EDGES = (("user", "door"), ("door", "api-gateway"), ("api-gateway", "user-service"), ("user-service", "mail"))


def counted(query: dict[str, str]) -> dict[str, Any]:
    if "declared_call" in query["query"]:  # no team has a stack
        return vector()
    if "histogram_quantile" in query["query"]:
        return vector(*(({"client": caller, "server": callee}, 0.25) for caller, callee in EDGES[:2]))
    edges = (({"client": caller, "server": callee, "failed": "false"}, 3) for caller, callee in EDGES)
    return vector(*edges)


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Telemetry], None]:
    """Give stack ``dev`` outputs, no other way to its backends, and a kubeconfig to nowhere."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(time, "time_ns", lambda: 1000 * (START_US + 60_000_000))

    def deploy(telemetry: Telemetry) -> None:
        values = {
            outputs.TELEMETRY: telemetry.model_dump(mode="json"),
            outputs.CATALOG: CATALOG.model_dump(mode="json"),
        }
        monkeypatch.setattr(stack_outputs, "read", lambda stack, _context: StackOutputs(stack, values))

    deploy(TELEMETRY)
    return deploy


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[KubeApi]:
    """Another cluster with the shop's telemetry, and a kubeconfig with a token for it."""
    jaeger = JaegerAnswers([shop.well(), shop.unpaid()]).answers()
    services: dict[str, dict[str, Answer]] = {
        "seeing/tracing:16686": jaeger,
        "seeing/metrics:9090": {"api_v1_query": counted},
        "seeing/logging:9428": {"select_logsql_query": lambda _: json.dumps(LINE)},
    }
    with serving(KubeApi(services=services)) as running:
        server = f"{running.scheme}://127.0.0.1:{running.port}"
        kubeconfig(tmp_path / "kubeconfig", server, {"token": TOKEN}, context=CONTEXT)
        yield running


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command; status, output, errors."""

    def call(*words: str) -> Said:
        status = commands.main(list(words))
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def refused(done: Said) -> str:
    """The one line of a refusal."""
    status, out, error = done
    assert (status, out) == (2, "")
    (line,) = error.splitlines()
    assert line.startswith("otel-mesh: ")
    assert "; " in line
    return line.removeprefix("otel-mesh: ")


def test_errors_are_found_through_the_service_proxy(run: Callable[..., Said], cluster: KubeApi) -> None:
    status, said, _ = run("errors", *STACK)
    assert status == 0
    assert said.splitlines()[:2] == [
        "1 failed trace in the last 15m",
        "    1 x  payment-service  500 RuntimeError",
    ]
    assert f"otel-mesh trace {shop.IDS[1]} --stack dev --context elsewhere\n" in said
    assert "/trace/" not in said, "no browser gets through an API server"
    proxy = "/api/v1/namespaces/seeing/services/http:tracing:16686/proxy/api/"
    assert cluster.asked
    assert all(path.startswith(proxy) for path in cluster.asked)


def test_a_trace_has_its_log_lines_from_the_log_store(run: Callable[..., Said], cluster: KubeApi) -> None:
    _, said, _ = run("trace", shop.IDS[1], *STACK)
    assert "14:13:20.004 INFO order accepted" in said
    assert "failed first: payment-service in payment-service  POST /payments" in said
    assert said.splitlines()[-1] == "logs: 1 lines"
    cluster.services["seeing/logging:9428"] = {}
    status, said, _ = run("trace", shop.IDS[1], *STACK)
    assert status == 0
    assert "logs: none, victoria-logs (service seeing/logging:9428, context elsewhere): answers 404" in said


def test_a_trace_that_jaeger_does_not_have_is_told_from_a_jaeger_that_is_not_there(
    run: Callable[..., Said], cluster: KubeApi
) -> None:
    assert refused(run("trace", "f" * 32, *STACK)).startswith(f"{'f' * 32}: Jaeger has no such trace; ")
    del cluster.services["seeing/tracing:16686"]
    assert refused(run("trace", "f" * 32, *STACK)).startswith(
        'service seeing/tracing (context elsewhere): services "tracing" not found; '
    )


@pytest.mark.usefixtures("cluster")
def test_slow_takes_the_exposed_service_of_the_stack_s_catalog(run: Callable[..., Said]) -> None:
    _, said, _ = run("slow", "--limit", "1", *STACK)
    assert said.splitlines()[0] == "slowest 1 of requests of api-gateway in the last 15m"


@pytest.mark.usefixtures("cluster")
def test_map_compares_with_the_catalog_and_the_gateway_of_the_stack(run: Callable[..., Said]) -> None:
    _, said, _ = run("map", *STACK)
    rows = {tuple(line.split()[:2]): line.split()[-1] for line in said.splitlines()}
    assert [rows[edge] for edge in EDGES] == ["entrance", "entrance", "declared", "UNDECLARED"]
    assert "api-gateway → order-service" in said.partition("declared, not called: ")[2]


@pytest.mark.usefixtures("cluster")
def test_without_a_context_the_one_in_the_stack_s_file_is_used(run: Callable[..., Said]) -> None:
    line = refused(run("errors", "--stack", "dev"))
    assert line.startswith("no context 'otel-mesh-dev' in ")


@pytest.mark.parametrize(
    ("change", "reason", "remedy"),
    [
        (
            {"authorization": "Bearer of-somebody-else"},
            "context elsewhere: the API server does not accept the credentials of the kubeconfig (401)",
            "log in again",
        ),
        (
            {"forbidden": True},
            'context elsewhere: services "http:tracing:16686" is forbidden: User "ada" cannot get resource ',
            "have a Role in namespace seeing grant you the verb get on services/proxy",
        ),
        (
            {"without_pods": True},
            "service seeing/tracing (context elsewhere): no endpoints available for service",
            "see `kubectl --context elsewhere -n seeing get pods`, and network_policies.api_server_addresses",
        ),
        (
            {"services": {}},
            'service seeing/tracing (context elsewhere): services "tracing" not found',
            "choose the context of the stack's own cluster, or deploy the stack",
        ),
        (
            {"services": {"seeing/tracing:16686": {"api_services": lambda _: 500}}},
            "jaeger (service seeing/tracing:16686, context elsewhere): answers 500",
            "check that `kubectl --context elsewhere",
        ),
        (
            {"services": {"seeing/tracing:16686": {"api_services": lambda _: 403}}},
            "jaeger (service seeing/tracing:16686, context elsewhere): answers 403",
            "check that `kubectl --context elsewhere",
        ),
        (
            {"services": {"seeing/tracing:16686": {"api_services": lambda _: "<html>"}}},
            "jaeger (service seeing/tracing:16686, context elsewhere): answers something else than JSON",
            "check that `kubectl --context elsewhere",
        ),
    ],
    ids=["401", "403", "503", "404", "500-of-jaeger", "403-of-jaeger", "no-json"],
)
def test_what_the_api_server_refuses_is_one_line_with_a_remedy(
    run: Callable[..., Said], cluster: KubeApi, change: Mapping[str, Any], reason: str, remedy: str
) -> None:
    for name, value in change.items():
        setattr(cluster, name, value)
    line = refused(run("errors", *STACK))
    assert line.startswith(reason)
    assert remedy in line.partition("; ")[2]


def test_a_cluster_that_is_away_is_one_line(run: Callable[..., Said], tmp_path: Path) -> None:
    with serving(KubeApi()) as gone:
        port = gone.port
    kubeconfig(tmp_path / "kubeconfig", f"http://127.0.0.1:{port}", {"token": TOKEN}, context=CONTEXT)
    line = refused(run("errors", *STACK))
    assert line.startswith("jaeger (service seeing/tracing:16686, context elsewhere): no answer (ConnectError); ")


@pytest.mark.usefixtures("cluster")
def test_a_context_that_no_kubeconfig_has_is_one_line(run: Callable[..., Said]) -> None:
    line = refused(run("errors", "--stack", "dev", "--context", "elswhere"))
    assert line.startswith("no context 'elswhere' in ")
    assert line.endswith("; did you mean 'elsewhere'?")


@pytest.mark.usefixtures("cluster")
def test_a_backend_that_the_stack_does_not_deploy_is_one_line(
    run: Callable[..., Said], deployed: Callable[[Telemetry], None]
) -> None:
    deployed(TELEMETRY.model_copy(update={"prometheus": None, "logs": None}))
    assert refused(run("map", *STACK)) == (
        "stack dev: deploys no prometheus; give the URL of your own with --prometheus-url"
    )
    status, said, _ = run("trace", shop.IDS[0], *STACK)
    assert status == 0
    assert "logs: none, stack dev: deploys no victoria-logs; give the URL of your own with --logs-url" in said


def plugin(tmp_path: Path, version: str, status: Mapping[str, str], code: int = 0) -> dict[str, Any]:
    """The credentials of an exec plugin."""
    made = {"apiVersion": f"client.authentication.k8s.io/{version}", "kind": "ExecCredential", "status": dict(status)}
    (tmp_path / "credential.json").write_text(json.dumps(made))
    text = f"import pathlib, sys; print(pathlib.Path('{tmp_path}/credential.json').read_text()); sys.exit({code})"
    command = {"command": sys.executable, "args": ["-c", text], "interactiveMode": "Never"}
    return {"exec": {"apiVersion": made["apiVersion"], **command}}


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_an_exec_plugin_gives_the_token(
    run: Callable[..., Said], cluster: KubeApi, tmp_path: Path, version: str
) -> None:
    server = f"http://127.0.0.1:{cluster.port}"
    kubeconfig(tmp_path / "kubeconfig", server, plugin(tmp_path, version, {"token": TOKEN}), context=CONTEXT)
    assert run("errors", *STACK)[0] == 0


def test_an_exec_plugin_that_fails_is_one_line(run: Callable[..., Said], cluster: KubeApi, tmp_path: Path) -> None:
    server = f"http://127.0.0.1:{cluster.port}"
    kubeconfig(tmp_path / "kubeconfig", server, plugin(tmp_path, "v1", {}, code=3), context=CONTEXT)
    line = refused(run("errors", *STACK))
    assert line.startswith("context elsewhere: exec: process returned 3")
    assert cluster.asked == []


def test_token_files_and_passwords_are_sent(run: Callable[..., Said], cluster: KubeApi, tmp_path: Path) -> None:
    server = f"http://127.0.0.1:{cluster.port}"
    (tmp_path / "token").write_text(TOKEN)
    kubeconfig(tmp_path / "kubeconfig", server, {"tokenFile": "token"}, context=CONTEXT)
    assert run("errors", *STACK)[0] == 0
    cluster.authorization = "Basic YWRhOnNlY3JldA=="
    kubeconfig(tmp_path / "kubeconfig", server, {"username": "ada", "password": "secret"}, context=CONTEXT)
    assert run("errors", *STACK)[0] == 0


class Authority:
    """A certificate authority of one test."""

    def __init__(self, folder: Path) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "of a test")])
        self.file = folder / "ca.crt"
        self._folder = folder
        self._write("ca", self._name, self._key, x509.BasicConstraints(ca=True, path_length=0), critical=True)

    def issue(self, name: str, *names: x509.GeneralName) -> tuple[Path, Path]:
        """Files with a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._write(name, subject, key, x509.SubjectAlternativeName([x509.DNSName(name), *names]), critical=False)
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        file = self._folder / f"{name}.key"
        file.write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
        return self._folder / f"{name}.crt", file

    def _write(
        self,
        name: str,
        subject: x509.Name,
        key: Any,  # noqa: ANN401 -- of several curves
        extension: x509.ExtensionType,
        *,
        critical: bool,
    ) -> None:
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(extension, critical=critical)
            .sign(self._key, hashes.SHA256())
        )
        (self._folder / f"{name}.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))


@pytest.mark.parametrize("server_name", [None, "kubernetes"], ids=["by-address", "tls-server-name"])
def test_a_client_certificate_is_shown_and_the_server_s_is_checked(
    run: Callable[..., Said], cluster: KubeApi, tmp_path: Path, server_name: str | None
) -> None:
    authority = Authority(tmp_path)
    address = [] if server_name else [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.file))
    tls.load_cert_chain(*authority.issue("kubernetes", *address))
    tls.verify_mode = ssl.CERT_REQUIRED
    certificate, key = authority.issue("ada")
    user = {"client-certificate": str(certificate), "client-key": str(key)}
    trusted = {"certificate-authority": "ca.crt", **({"tls-server-name": server_name} if server_name else {})}
    with serving(KubeApi(services=cluster.services, authorization=None), tls) as running:
        server = f"https://127.0.0.1:{running.port}"
        kubeconfig(tmp_path / "kubeconfig", server, user, trusted, context=CONTEXT)
        assert run("errors", *STACK)[0] == 0
        kubeconfig(tmp_path / "kubeconfig", server, user, context=CONTEXT)
        assert "no answer (ConnectError)" in refused(run("errors", *STACK)), "nobody known signed it"
        kubeconfig(tmp_path / "kubeconfig", server, {"client-certificate": "gone.crt"}, trusted, context=CONTEXT)
        assert refused(run("errors", *STACK)).startswith("context elsewhere: ")


def test_backends_by_url_need_neither_kubeconfig_nor_outputs(
    run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack_outputs, "read", None)
    with api(**JaegerAnswers([shop.unpaid()]).answers()) as port:
        url = f"http://ada:secret@127.0.0.1:{port}"
        status, said, _ = run("errors", "--stack", "dev", "--jaeger-url", f"{url}/")
        assert status == 0
        assert "secret" not in said
        assert f"otel-mesh trace {shop.IDS[1]} --stack dev --jaeger-url http://127.0.0.1:{port}\n" in said
        assert f"http://127.0.0.1:{port}/trace/{shop.IDS[1]}\n" in said
    line = refused(run("errors", "--jaeger-url", url))
    assert line == f"jaeger at http://127.0.0.1:{port}: no answer (ConnectError); check --jaeger-url"


def _outside(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """Let the file of stack ``dev`` name an address in place of a component."""
    settings = stack_file.settings("dev")
    monkeypatch.setattr(stack_file, "settings", lambda _: {**settings, part: {"endpoint": "https://otlp:4317"}})


def test_an_outside_backend_is_asked_at_the_url_of_the_outputs_and_no_cluster_is(
    run: Callable[..., Said], deployed: Callable[[Telemetry], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    _outside(monkeypatch, "jaeger")
    with api(**JaegerAnswers([shop.unpaid()]).answers()) as port:
        deployed(Telemetry(jaeger=OutsideApi(url=f"http://127.0.0.1:{port}")))
        status, said, _ = run("errors", "--stack", "dev")
        assert status == 0
        assert said.startswith("1 failed trace in the last 15m")
    assert refused(run("errors", "--stack", "dev")) == (
        f"jaeger at http://127.0.0.1:{port}: no answer (ConnectError); check jaeger.query_url of stack dev"
    )


@pytest.mark.parametrize(("command", "part"), [("errors", "jaeger"), ("map", "prometheus")])
def test_an_outside_backend_without_a_query_url_is_named_with_the_remedy(
    run: Callable[..., Said],
    deployed: Callable[[Telemetry], None],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    part: str,
) -> None:
    _outside(monkeypatch, part)
    deployed(TELEMETRY.model_copy(update={part: OutsideApi()}))
    assert refused(run(command, "--stack", "dev")) == (
        f"stack dev: {part} is outside, and its query API is not known; "
        f"set {part}.query_url in Pulumi.dev.yaml, or give the URL with --{part}-url"
    )


@pytest.mark.parametrize("url", ["jaeger:16686", "ftp://jaeger", "http://", "http://[", "http://jaeger:port"])
def test_what_is_no_url_is_one_line(run: Callable[..., Said], url: str) -> None:
    assert refused(run("errors", "--jaeger-url", url)) == (
        "--jaeger-url: not an HTTP URL; give one such as --jaeger-url https://jaeger.example.com"
    )
