"""The stores' passwords follow their files: the database is told first, then the stack that gives them to the services.

A password that is changed in the stack alone would lock the services out: PostgreSQL reads it on its very first start
only, whichever image it is. So it is told by SQL, with the password that it has, through its own pod. Redis, which
holds nothing that can't be had again, is started anew.
"""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.core import secrets
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import last_line, run
from otel_mesh_cli.core.unready_pods import is_settled
from otel_mesh_embedded.environment.namespaces import SERVICES
from otel_mesh_embedded.node.api import Api
from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.node.waiting import poll
from otel_mesh_stack.stores import ShopRoles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_mesh_embedded.node.layout import Layout

_SERVER, _SECRET, _KEY = "postgres", "postgres-credentials", "password"
_OBJECTS = f"/api/v1/namespaces/{SERVICES}"
_PODS = f"{_OBJECTS}/pods"
_NO_POD: dict[str, Any] = {"status": {}}
_ROLES = {
    _SECRET: "",
    f"{_SECRET}-migrations": ShopRoles().migrations,
    f"{_SECRET}-services": ShopRoles().services,
}
"""Database role by the Secret with its password; empty for the superuser."""
_FILES = {
    _SECRET: secrets.POSTGRES_PASSWORD,
    f"{_SECRET}-migrations": secrets.MIGRATIONS_PASSWORD,
    f"{_SECRET}-services": secrets.SERVICES_PASSWORD,
    "redis-credentials": secrets.REDIS_PASSWORD,
}
_REDIS_PODS = f"{_PODS}?labelSelector=app.kubernetes.io/name%3Dredis"
_READY_TIMEOUT_S, _DELIVERY_TIMEOUT_S = 120.0, 120.0
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
    """Replace the passwords in the files; afterwards only the stores and their Secrets have the old ones."""
    for name in _FILES.values():
        path = secrets.secrets_dir() / name
        fresh = path.with_name(f".{path.name}.new")
        fresh.unlink(missing_ok=True)
        secrets.create(fresh)
        fresh.replace(path)


def follow(tools: Path, progress: Callable[[str], None]) -> bool:
    """Change passwords in the database to those of the files, before the stack hands them to the services.

    Args:
        tools: Folder of kubectl.
        progress: Called if a password changes.

    Returns:
        Whether there was: then :func:`deliver` is due when the stack has it.

    Raises:
        CommandError: a file holds no usable password, or the database refuses one.
    """
    where = layout()
    api = Api(where)
    present = {}
    for secret in _ROLES:
        stored = api.get(f"{_OBJECTS}/secrets/{secret}")
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
    place = f"database {SERVICES}/{_SERVER}"
    remedy = "see `otel-mesh status`, then run `otel-mesh up`"
    if not poll(lambda: is_settled(api.get(f"{_PODS}/{_SERVER}-0") or _NO_POD), _READY_TIMEOUT_S):
        raise CommandError(f"{place}: not ready within {_READY_TIMEOUT_S:.0f} s", remedy=remedy)
    own = (secrets.secrets_dir() / secrets.POSTGRES_PASSWORD).read_text()
    statements = [statement(_ROLES[secret], wanted[secret]) for secret in present]
    # kubectl, because exec needs a WebSocket
    kubectl = [str(tools / "kubectl"), f"--kubeconfig={where.kubeconfig}", f"--namespace={SERVICES}"]
    psql = ["exec", "--stdin", f"{_SERVER}-0", f"--container={_SERVER}", "--", "sh", "-c", SCRIPT]
    done = run([*kubectl, *psql], stdin="\n".join([present.get(_SECRET, own), own, *statements, ""]))
    if not done.ok:
        said = "\n".join(line for line in done.stderr.splitlines() if "command terminated" not in line)
        reason = last_line(said) or done.reason
        raise CommandError(f"{place}: refuses the passwords in {secrets.secrets_dir()}: {reason}", remedy=remedy)
    return True


def statement(role: str, password: str) -> str:
    """SQL for psql that changes a role's password, if the role exists."""
    name = f"'{role}'" if role else "current_user"
    quoted = password.replace("'", "''")
    return (
        f"SELECT format('ALTER ROLE %I PASSWORD %L', rolname, '{quoted}') FROM pg_roles"  # noqa: S608 -- a role of ours
        f" WHERE rolname = {name} \\gexec"
    )


def deliver() -> None:
    """Deliver new passwords to the pods at once; kubelet by itself takes up to 90 s.

    A changed pod is looked at by kubelet without delay, with all that is mounted into it. Whatever fails here comes
    right by itself.
    """
    where = layout()
    api = Api(where)
    for pod in api.items(_REDIS_PODS):
        api.delete(f"{_PODS}/{pod['metadata']['name']}")
    late = [(pod["metadata"], path, wanted) for pod in api.items(_PODS) for path, wanted in _mounted(where, pod)]
    for meta, _, _ in late:
        seen = {"metadata": {"annotations": {_ANNOTATION: f"{time.time():.0f}"}}}
        api.merge(f"{_PODS}/{meta['name']}", seen)
    poll(lambda: not any(_holds_other(path, wanted) for _, path, wanted in late), _DELIVERY_TIMEOUT_S)


def _holds_other(path: Path, wanted: str) -> bool:
    try:
        return path.read_text() != wanted
    except FileNotFoundError:  # the pod is gone, or has nothing mounted yet
        return False


def _mounted(where: Layout, pod: dict[str, Any]) -> list[tuple[Path, str]]:
    """Password files of a pod in kubelet's folder, with the content they should have."""
    volumes = where.kubelet / "pods" / pod["metadata"]["uid"] / "volumes" / "kubernetes.io~secret"
    named = [(one["name"], one.get("secret", {}).get("secretName")) for one in pod["spec"]["volumes"]]
    return [
        (volumes / name / _KEY, (secrets.secrets_dir() / _FILES[secret]).read_text())
        for name, secret in named
        if secret in _FILES
    ]
