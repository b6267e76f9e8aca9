"""The database's password follows its file: the database is told first, then the stack that gives it to the services.

A password that is changed in the stack alone would lock the services out: PostgreSQL reads it on its very first start
only, whichever image it is. So it is told by SQL, with the password that it has, through its own pod.
"""

from __future__ import annotations

import base64
import subprocess
from typing import TYPE_CHECKING

from local import secrets
from local.errors import LocalError
from local.node.api import Api
from local.node.layout import layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_NAMESPACE, _SERVER, _SECRET, _KEY = "shop", "postgres", "postgres-credentials", "password"
_READY_S = 120
# The passwords come by standard input, the new one also quoted, so that no list of processes shows them. The database
# may have the new one already: from a run that was killed before it changed the stack.
_SCRIPT = """
read -r present; read -r new; read -r quoted
for present in "$present" "$new"; do
  printf 'ALTER ROLE CURRENT_USER PASSWORD %s;\\n' "$quoted" | PGPASSWORD=$present psql --quiet --no-password \\
    --no-psqlrc --set=VERBOSITY=terse --set=ON_ERROR_STOP=1 --host=127.0.0.1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" && exit 0
done
exit 1
"""


def renew() -> None:
    """Put a new password into the file; the old one is nowhere afterwards but in the database and its Secret."""
    path = secrets.secrets_dir() / secrets.POSTGRES_PASSWORD
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    secrets.create(fresh)
    fresh.replace(path)


def follow(tools: Path, progress: Callable[[str], None]) -> None:
    """Have the database take the password of the file before the stack gives it to the services.

    Args:
        tools: the folder with kubectl.
        progress: told when there is something to do.

    Raises:
        LocalError: the password cannot be one, or the database does not take it.
    """
    where = layout()
    secret = Api(where).get(f"/api/v1/namespaces/{_NAMESPACE}/secrets/{_SECRET}")
    path = secrets.secrets_dir() / secrets.POSTGRES_PASSWORD
    wanted = path.read_text()
    present = base64.b64decode(secret["data"][_KEY]).decode() if secret is not None else wanted
    if present == wanted:
        return
    if not wanted.strip() or not wanted.isprintable():
        raise LocalError(f"{path}: no password of printable characters on one line", remedy="write one into it")
    progress("telling the database its new password")
    kubectl = [str(tools / "kubectl"), f"--kubeconfig={where.kubeconfig}", f"--namespace={_NAMESPACE}"]
    ready = [*kubectl, "wait", f"pod/{_SERVER}-0", "--for=condition=Ready", f"--timeout={_READY_S}s"]
    quoted = wanted.replace("'", "''")
    alter = [*kubectl, "exec", "--stdin", f"{_SERVER}-0", f"--container={_SERVER}", "--", "sh", "-c", _SCRIPT]
    for command, text in ((ready, ""), (alter, f"{present}\n{wanted}\n'{quoted}'\n")):
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            told = [line for line in done.stderr.splitlines() if line.strip() and "command terminated" not in line]
            reason = told[-1] if told else "no reason given"
            raise LocalError(
                f"database {_NAMESPACE}/{_SERVER}: does not take the password of {path}: {reason}",
                remedy="see `make status`, then run `make up`",
            )
