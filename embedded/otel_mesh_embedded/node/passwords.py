"""The stores' passwords follow their files: the database is told first, then the stack that gives them to the services.

A password that is changed in the stack alone would lock the services out: PostgreSQL reads it on its very first start
only, whichever image it is. So it is told by SQL, with the password that it has, through its own pod. Redis, which
holds nothing that can't be had again, is started anew.
"""

from __future__ import annotations

import base64
import subprocess
import time
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.core import secrets
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.api import Api
from otel_mesh_embedded.node.layout import layout
from otel_mesh_stack.model import ShopRoles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_mesh_embedded.node.layout import Layout

_NAMESPACE, _SERVER, _SECRET, _KEY = "shop", "postgres", "postgres-credentials", "password"
_ROLES = {
    _SECRET: "",
    f"{_SECRET}-migrations": ShopRoles().migrations,
    f"{_SECRET}-services": ShopRoles().services,
}
"""Secret to the role whose password it holds; the server's own has no name here."""
_FILES = {
    _SECRET: secrets.POSTGRES_PASSWORD,
    f"{_SECRET}-migrations": secrets.MIGRATIONS_PASSWORD,
    f"{_SECRET}-services": secrets.SERVICES_PASSWORD,
    "redis-credentials": secrets.REDIS_PASSWORD,
}
_REDIS_PODS = f"/api/v1/namespaces/{_NAMESPACE}/pods?labelSelector=app.kubernetes.io/name%3Dredis"
_READY_S, _DELIVERY_S, _POLL_S = 120, 120.0, 0.2
_ANNOTATION = "otel-mesh.local/password-renewed"
# The passwords come by standard input, so that no list of processes shows them. The database may have the server's new
# one already: from a run that was killed before it changed the stack.
SCRIPT = """
read -r present; read -r new; statements=$(cat)
for present in "$present" "$new"; do
  printf '%s\\n' "$statements" | PGPASSWORD=$present psql --quiet --no-password \\
    --no-psqlrc --set=VERBOSITY=terse --set=ON_ERROR_STOP=1 --host=127.0.0.1 --username="$POSTGRES_USER" \\
    --dbname="$POSTGRES_DB" && exit 0
done
exit 1
"""


def renew() -> None:
    """Put new passwords into the files; the old ones are nowhere afterwards but in the stores and their Secrets."""
    for name in _FILES.values():
        path = secrets.secrets_dir() / name
        fresh = path.with_name(f".{path.name}.new")
        fresh.unlink(missing_ok=True)
        secrets.create(fresh)
        fresh.replace(path)


def follow(tools: Path, progress: Callable[[str], None]) -> bool:
    """Have the database take the passwords of the files before the stack gives them to the services.

    Args:
        tools: the folder with kubectl.
        progress: told when there is something to do.

    Returns:
        Whether there was: then :func:`deliver` is due when the stack has it.

    Raises:
        CommandError: one of them cannot be one, or the database does not take it.
    """
    where = layout()
    api = Api(where)
    present = {}
    for secret in _ROLES:
        stored = api.get(f"/api/v1/namespaces/{_NAMESPACE}/secrets/{secret}")
        if stored is not None:  # else its role is made with the password of the file
            present[secret] = base64.b64decode(stored["data"][_KEY]).decode()
    files = {secret: secrets.secrets_dir() / _FILES[secret] for secret in present}
    wanted = {secret: path.read_text() for secret, path in files.items()}
    if wanted == present:
        return False
    for secret, password in wanted.items():
        if not password.strip() or not password.isprintable():
            raise CommandError(
                f"{files[secret]}: no password of printable characters on one line", remedy="write one into it"
            )
    progress("telling the database its new password")
    kubectl = [str(tools / "kubectl"), f"--kubeconfig={where.kubeconfig}", f"--namespace={_NAMESPACE}"]
    ready = [*kubectl, "wait", f"pod/{_SERVER}-0", "--for=condition=Ready", f"--timeout={_READY_S}s"]
    own = (secrets.secrets_dir() / secrets.POSTGRES_PASSWORD).read_text()
    statements = [statement(_ROLES[secret], wanted[secret]) for secret in present]
    alter = [*kubectl, "exec", "--stdin", f"{_SERVER}-0", f"--container={_SERVER}", "--", "sh", "-c", SCRIPT]
    for command, text in ((ready, ""), (alter, "\n".join([present.get(_SECRET, own), own, *statements, ""]))):
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            told = [line for line in done.stderr.splitlines() if line.strip() and "command terminated" not in line]
            reason = told[-1] if told else "no reason given"
            raise CommandError(
                f"database {_NAMESPACE}/{_SERVER}: does not take the passwords in {secrets.secrets_dir()}: {reason}",
                remedy="see `make status`, then run `make up`",
            )
    return True


def statement(role: str, password: str) -> str:
    """What psql reads to give a role a password; nothing happens where the role is not there yet."""
    name = f"'{role}'" if role else "current_user"
    quoted = password.replace("'", "''")
    return (
        f"SELECT format('ALTER ROLE %I PASSWORD %L', rolname, '{quoted}') FROM pg_roles"  # noqa: S608 -- a role of ours
        f" WHERE rolname = {name} \\gexec"
    )


def deliver() -> None:
    """Have the pods see the new passwords at once; kubelet by itself would take up to a minute and a half.

    A changed pod is looked at by kubelet without delay, with all that is mounted into it. Whatever fails here comes
    right by itself.
    """
    where = layout()
    api = Api(where)
    for pod in (api.get(_REDIS_PODS) or {"items": []})["items"]:
        api.delete(f"/api/v1/namespaces/{_NAMESPACE}/pods/{pod['metadata']['name']}")
    pods: dict[str, Any] = api.get(f"/api/v1/namespaces/{_NAMESPACE}/pods") or {"items": []}
    late = [(pod["metadata"], path, wanted) for pod in pods["items"] for path, wanted in _mounted(where, pod)]
    for meta, _, _ in late:
        seen = {"metadata": {"annotations": {_ANNOTATION: f"{time.time():.0f}"}}}
        api.merge(f"/api/v1/namespaces/{_NAMESPACE}/pods/{meta['name']}", seen)
    deadline = time.monotonic() + _DELIVERY_S
    while any(_holds_other(path, wanted) for _, path, wanted in late) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _holds_other(path: Path, wanted: str) -> bool:
    try:
        return path.read_text() != wanted
    except FileNotFoundError:  # the pod is gone, or has nothing mounted yet
        return False


def _mounted(where: Layout, pod: dict[str, Any]) -> list[tuple[Path, str]]:
    """The files of a pod that hold a password, as kubelet keeps them, with what they have to hold."""
    volumes = where.kubelet / "pods" / pod["metadata"]["uid"] / "volumes" / "kubernetes.io~secret"
    named = [(one["name"], one.get("secret", {}).get("secretName")) for one in pod["spec"]["volumes"]]
    return [
        (volumes / name / _KEY, (secrets.secrets_dir() / _FILES[secret]).read_text())
        for name, secret in named
        if secret in _FILES
    ]
