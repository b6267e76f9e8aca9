"""Scripts that create missing databases and roles at every start of a PostgreSQL server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRIPT_DIR: Final = "/etc/otel-mesh/postgres"

_BEGINNING: Final = """\
#!/bin/sh
# Run beside the server at every start: makes the databases{roles} that are not there yet.
# Listening on TCP is the sign that the first start's own set-up, which uses a socket only, is over.
set -eu
PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") # images differ in whether the socket asks for it
export PGPASSWORD
until pg_isready --quiet --host=127.0.0.1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB"; do sleep 0.2; done
"""

_DATABASES: Final = """\
while read -r database; do
    psql --quiet --no-password --no-psqlrc --set=ON_ERROR_STOP=1 --set=name="$database" \\
        --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
SELECT format('CREATE DATABASE %I', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \\gexec
SQL
done < {folder}/databases
"""

_ROLE: Final = """\
file={file}
[ -s "$file" ] || {{ echo "$file: no password of role {role}" >&2; exit 1; }}
psql --quiet --no-password --no-psqlrc --set=ON_ERROR_STOP=1 \\
    --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
SET log_statement = 'none';
SET log_min_error_statement = 'panic'; -- the next one holds the password
\\set password `cat {file}`
SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', '{role}', :'password')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') \\gexec
SQL
"""

_OWNERSHIP: Final = """\
while read -r database; do
    psql --quiet --no-password --no-psqlrc --set=ON_ERROR_STOP=1 --single-transaction --set=name="$database" \\
        --username="$POSTGRES_USER" --dbname="$database" --file={folder}/ownership.sql
done < {folder}/databases
"""

_OWNERSHIP_SQL: Final = """\
-- Role {owner} owns the database with all that is in it, and migrates it; role {user} reads and writes its rows.
-- Repeated at every start. What another role had made before goes over to them once.
ALTER DATABASE :"name" OWNER TO {owner};
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"name" TO {user};
ALTER SCHEMA public OWNER TO {owner};
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO {user};

SELECT format('ALTER TABLE %s OWNER TO {owner}', oid::regclass),
    format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO {user}', oid::regclass)
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
    AND relowner <> '{owner}'::regrole
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e') \\gexec
-- those of a table's columns went with it; their rights did not
SELECT format('ALTER SEQUENCE %s OWNER TO {owner}', oid::regclass)
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' AND relowner <> '{owner}'::regrole
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype IN ('e', 'a', 'i')) \\gexec
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {user};
SELECT format('ALTER ROUTINE %s OWNER TO {owner}', oid::regprocedure)
FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proowner <> '{owner}'::regrole
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e') \\gexec
SELECT format('ALTER TYPE %s OWNER TO {owner}', oid::regtype)
FROM pg_type
WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd', 'r') AND typowner <> '{owner}'::regrole
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_type.oid AND deptype = 'e') \\gexec

ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {user};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {user};
"""


def script_files(databases: Sequence[str], roles: tuple[tuple[str, str], tuple[str, str]] | None) -> dict[str, str]:
    """The files of the script folder, name to text; ``create-databases.sh`` is the entry point.

    Args:
        databases: Names of the databases.
        roles: Name and password file of the role that owns the databases, and of the role that reads and writes rows.
            None: the server's own role does both.
    """
    script = _BEGINNING.format(roles=" and roles" if roles else "")
    files = {}
    if roles is not None:
        script += "".join(_ROLE.format(role=role, file=file) for role, file in roles)
        (owner, _), (user, _) = roles
        files["ownership.sql"] = _OWNERSHIP_SQL.format(owner=owner, user=user)
    script += _DATABASES.format(folder=SCRIPT_DIR)
    if roles is not None:
        script += _OWNERSHIP.format(folder=SCRIPT_DIR)
    return {"create-databases.sh": script, "databases": "".join(f"{one}\n" for one in databases), **files}
