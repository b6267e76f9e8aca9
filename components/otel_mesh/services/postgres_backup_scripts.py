"""Scripts of a `PostgresBackup`: they dump and restore the databases of one role."""

from __future__ import annotations

from typing import Final

SCRIPT_DIR: Final = "/etc/otel-mesh/backup"

_LOGIN: Final = """\
#!/bin/bash
{what}
set -euo pipefail
umask 077
export PGPASSFILE=/run/backup/pgpass
# in that file, a backslash precedes each colon and backslash
password=$(sed 's/[\\\\:]/\\\\&/g' "$PASSWORD_FILE")
printf '*:*:*:*:%s\\n' "$password" > "$PGPASSFILE"
"""

_BACKUP_PURPOSE: Final = """\
# Dumps each database that the role owns and keeps the newest $KEEP dumps of each. Metrics report success and failure.
# The others are dumped even if one cannot be; the exit status is 1 then. With a store ($STORED), the next container
# copies the dumps there; it reports the success, and fails if $BACKUP_DIR/.failed exists."""

_BACKUP: Final = """\
report() { # metric, unit, database, value
    [ -n "$OTLP_HOST" ] || return 0
    local body status
    body='{"resourceMetrics": [{"resource": {"attributes": [
        {"key": "service.name", "value": {"stringValue": "'$SERVICE_NAME'"}},
        {"key": "service.namespace", "value": {"stringValue": "'$POD_NAMESPACE'"}}]},
        "scopeMetrics": [{"metrics": [{"name": "postgres.backup.'$1'", "unit": "'$2'", "gauge": {"dataPoints": [
        {"asInt": "'$4'", "timeUnixNano": "'$(date +%s)'000000000", "attributes":
        [{"key": "db.namespace", "value": {"stringValue": "'$3'"}}]}]}}]}]}]}'
    exec 3<> "/dev/tcp/$OTLP_HOST/$OTLP_PORT" || return 1
    printf 'POST /v1/metrics HTTP/1.1\\r\\nHost: %s\\r\\nContent-Type: application/json\\r\\n' "$OTLP_HOST" >&3
    printf 'Content-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s' "${#body}" "$body" >&3
    read -r _ status _ <&3
    exec 3>&-
    [ "$status" = 200 ]
}
tell() { report "$@" || echo "$3: $1 could not be reported" >&2; }

owned="SELECT datname FROM pg_database WHERE datallowconn AND datdba = current_user::regrole ORDER BY 1"
databases=$(psql --no-password --no-psqlrc --tuples-only --no-align --command="$owned" "$DATABASE") || {
    tell failure_time s "$DATABASE" "$(date +%s)"
    exit 1
}
failed=0
rm -f "$BACKUP_DIR/.failed"
for database in $databases; do
    folder=$BACKUP_DIR/$database
    mkdir -p "$folder"
    partial=$folder/.partial
    if ! { pg_dump --no-password --format=custom --file="$partial" "$database" \\
        && pg_restore --list "$partial" > /dev/null && sync "$partial"; }; then
        echo "$database: not dumped" >&2
        rm -f "$partial"
        tell failure_time s "$database" "$(date +%s)"
        failed=1
        continue
    fi
    dump=$folder/$(date -u +%Y%m%dT%H%M%SZ).dump
    mv "$partial" "$dump"
    find "$folder" -name '*.dump' | sort --reverse | tail --lines="+$((KEEP + 1))" | xargs --no-run-if-empty rm --
    echo "$database: dumped to $dump"
    [ -z "${STORED:-}" ] || continue
    tell success_time s "$database" "$(date +%s)"
    tell size By "$database" "$(stat --format=%s "$dump")"
done
[ -n "${STORED:-}" ] || exit "$failed"
[ "$failed" = 0 ] || touch "$BACKUP_DIR/.failed"
"""

_RESTORE_PURPOSE: Final = """\
# restore.sh DATABASE [FILE]: puts the objects of a dump, the newest or the one named, in place of the database's own.
# All of it or nothing: an error leaves the database as it was."""

_RESTORE: Final = """\
folder=$BACKUP_DIR/$1
file=${2:-$(find "$folder" -name '*.dump' -printf '%f\\n' | sort | tail --lines=1)}
[ -f "$folder/$file" ] || { echo "$folder/$file: no such dump" >&2; exit 2; }
pg_restore --no-password --clean --if-exists --single-transaction --exit-on-error --dbname="$1" "$folder/$file"
echo "$1: restored from $file"
"""

FILES: Final = {
    "backup.sh": _LOGIN.format(what=_BACKUP_PURPOSE) + _BACKUP,
    "restore.sh": _LOGIN.format(what=_RESTORE_PURPOSE) + _RESTORE,
}
"""The scripts, name to text."""
