"""The stores' passwords follow their files: the database is told first, then the stack that gives them to the services.

A password that is changed in the stack alone would lock the services out: PostgreSQL reads it on its very first start
only, whichever image it is. So it is told by SQL, with the password that it has, through its own pod. Redis, which
holds nothing that can't be had again, is started anew.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from otel_mesh.k8s.passwords import PASSWORD_KEY
from otel_mesh_cli.core import secrets, waiting
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import last_line, run
from otel_mesh_cli.core.unready_pods import is_settled
from otel_mesh_cli.stacks import local_stack
from otel_mesh_stack.stores import ShopRoles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_mesh_cli.stacks.drift import Lister

_SERVER, _SECRET = "postgres", "postgres-credentials"
_ROLES = {
    _SECRET: "",
    f"{_SECRET}-migrations": ShopRoles().migrations,
    f"{_SECRET}-services": ShopRoles().services,
}
"""Database role by the Secret with its password; empty for the superuser."""
FILES: Final = {
    _SECRET: secrets.POSTGRES_PASSWORD,
    f"{_SECRET}-migrations": secrets.MIGRATIONS_PASSWORD,
    f"{_SECRET}-services": secrets.SERVICES_PASSWORD,
    "redis-credentials": secrets.REDIS_PASSWORD,
}
"""File in the folder of secrets by the Secret with its password."""
_READY_TIMEOUT_S = 120.0
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
    for name in FILES.values():
        path = secrets.secrets_dir() / name
        fresh = path.with_name(f".{path.name}.new")
        fresh.unlink(missing_ok=True)
        secrets.create(fresh)
        fresh.replace(path)


def follow(listed: Lister, kubectl: Sequence[str], progress: Callable[[str], None]) -> bool:
    """Change passwords in the database to those of the files, before the stack hands them to the services.

    Args:
        listed: Object at a path of the API; None if there is none.
        kubectl: Command line of kubectl on the cluster; it is used because ``exec`` needs a WebSocket.
        progress: Called if a password changes.

    Returns:
        Whether one changed: the pods have the new one only after an update of the stack.

    Raises:
        CommandError: a file holds no usable password, or the database refuses one.
    """
    services = local_stack.settings().namespaces.services
    objects = f"/api/v1/namespaces/{services}"
    present = {}
    for secret in _ROLES:
        stored = listed(f"{objects}/secrets/{secret}")
        if stored is not None:  # else its role is made with the password of the file
            present[secret] = base64.b64decode(stored["data"][PASSWORD_KEY]).decode()
    files = {secret: secrets.secrets_dir() / FILES[secret] for secret in present}
    wanted = {secret: path.read_text() for secret, path in files.items()}
    if wanted == present:
        return False
    for secret, password in wanted.items():
        if not password.strip() or not password.isprintable():
            raise CommandError(
                f"{files[secret]}: no password of printable characters on one line", remedy="write one into it"
            )
    progress("telling the database its new password")
    place = f"database {services}/{_SERVER}"
    remedy = "see `otel-mesh status`, then run `otel-mesh up`"

    def is_ready() -> bool | None:
        pod = listed(f"{objects}/pods/{_SERVER}-0")
        return True if pod is not None and is_settled(dict(pod)) else None

    waiting.wait(is_ready, _READY_TIMEOUT_S, lambda: f"{place}: not ready", remedy)
    own = (secrets.secrets_dir() / secrets.POSTGRES_PASSWORD).read_text()
    statements = [statement(_ROLES[secret], wanted[secret]) for secret in present]
    psql = ["exec", "--stdin", f"{_SERVER}-0", f"--container={_SERVER}", "--", "sh", "-c", SCRIPT]
    command = [*kubectl, f"--namespace={services}", *psql]
    done = run(command, stdin="\n".join([present.get(_SECRET, own), own, *statements, ""]))
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
