"""S1.1: certificates that a Linkerd generates for itself, on the real engine: once, kept, rotated.

The tests of this file share one stack and run in file order.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh import identity_problems
from tests.engine.stack_program import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.engine.api_server import ApiServer
    from tests.engine.stack_program import StackProgram

pytestmark = [pytest.mark.engine, pytest.mark.in_order]
_SECRETS = 4
"""The issuer's and those of the three webhooks."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path, str], StackProgram]) -> StackProgram:
    made = new_program(tmp_path_factory.mktemp("linkerd-identity"), "linkerd_identity")
    made.environment |= {"GENERATIONS": "1", "ISSUER": "1"}
    return made


@pytest.fixture
def issuer(api_server: ApiServer, kubeconfig: Path) -> Callable[[], tuple[str, str]]:
    def read() -> tuple[str, str]:
        words = ["get", "secret", "linkerd-identity-issuer", "--namespace=default", "--output=json"]
        done = api_server.kubectl(words, kubeconfig)
        assert done.returncode == 0, done.stderr
        data = json.loads(done.stdout)["data"]
        return base64.b64decode(data["tls.crt"]).decode(), base64.b64decode(data["tls.key"]).decode()

    return read


def _outputs(program: StackProgram) -> dict[str, Any]:
    outputs: dict[str, Any] = json.loads(program.run("stack", "output", "--json").stdout)
    return outputs


def test_certificates_are_generated_and_fit(program: StackProgram, issuer: Callable[[], tuple[str, str]]) -> None:
    made = [one for one in program.up() if one.type.endswith(":Secret")]
    assert counted(made) == {"create": _SECRETS + 1}
    assert identity_problems(_outputs(program)["anchors"], *issuer()) == []


def test_later_updates_change_nothing(program: StackProgram, issuer: Callable[[], tuple[str, str]]) -> None:
    before = (_outputs(program), issuer())
    assert program.up() == []
    assert (_outputs(program), issuer()) == before


def test_no_private_key_is_readable_in_the_state(program: StackProgram, issuer: Callable[[], tuple[str, str]]) -> None:
    state = program.run("stack", "export").stdout
    key = issuer()[1]
    for text in ("PRIVATE KEY", base64.b64encode(b"-----BEGIN EC PRIVATE").decode()[:24], key.splitlines()[1]):
        assert text not in state


def test_a_rotation_trusts_both_anchors_before_the_issuer_changes(
    program: StackProgram, issuer: Callable[[], tuple[str, str]]
) -> None:
    first = issuer()
    program.environment["GENERATIONS"] = "1,2"
    assert counted(program.up()) == {"create": 1}
    anchors = _outputs(program)["anchors"]
    assert anchors.count("BEGIN CERTIFICATE") == 2
    assert issuer() == first
    program.environment["ISSUER"] = "2"
    assert counted(program.up()) == {"update": _SECRETS}
    assert issuer() != first
    for one in (first, issuer()):
        assert identity_problems(anchors, *one) == []
