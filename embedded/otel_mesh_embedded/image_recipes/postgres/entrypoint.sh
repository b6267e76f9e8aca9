#!/bin/bash
# The contract of docker.io/library/postgres: POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD(_FILE), POSTGRES_INITDB_ARGS,
# PGDATA, /docker-entrypoint-initdb.d. A first start that is killed at any point is begun again by the next one.
set -Eeuo pipefail
shopt -s nullglob

die() { echo "postgres: $1" >&2; exit 1; }

# The value of a variable, or what its _FILE variant points to.
value_of() {
  local name=$1 file="${1}_FILE"
  if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then die "$name and $file are both set: set one"; fi
  if [ -n "${!file:-}" ]; then
    [ -r "${!file}" ] || die "$file: cannot read ${!file}"
    cat "${!file}"
  else
    printf %s "${!name:-${2:-}}"
  fi
}

initialise() {
  local stage=$PGDATA/.initialising user database password entry
  user=$(value_of POSTGRES_USER postgres)
  database=$(value_of POSTGRES_DB "$user")
  password=$(value_of POSTGRES_PASSWORD)
  [ -n "$password" ] || die 'POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE: not set, so no one could log in'

  if [ -d "$stage" ]; then
    echo 'postgres: the first start was interrupted: beginning again'
    # Everything here came out of that stage: it is made only in an empty folder.
    find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +
  elif [ -n "$(find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name lost+found -print -quit)" ]; then
    die "$PGDATA: not empty and no database: point PGDATA at an empty folder"
  fi
  mkdir "$stage"

  # POSTGRES_INITDB_ARGS is a list of words, as in the public image.
  # shellcheck disable=SC2086
  initdb --pgdata="$stage/data" --username="$user" --pwfile=<(printf '%s\n' "$password") \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 ${POSTGRES_INITDB_ARGS:-}
  echo 'host all all all scram-sha-256' >> "$stage/data/pg_hba.conf"
  echo "listen_addresses = '*'" >> "$stage/data/postgresql.conf"

  # For the scripts only: no network, and the password by environment, not by argument.
  pg_ctl --pgdata="$stage/data" --wait --options="-c listen_addresses='' -p 5432" start
  export PGPASSWORD=$password PGUSER=$user PGHOST=/var/run/postgresql
  if [ "$database" != postgres ]; then
    psql --no-psqlrc --set=ON_ERROR_STOP=1 --set=database="$database" --dbname=postgres \
      <<< 'CREATE DATABASE :"database";'
  fi
  export PGDATABASE=$database
  for entry in /docker-entrypoint-initdb.d/*; do
    echo "postgres: running $entry"
    case $entry in
      *.sh) if [ -x "$entry" ]; then "$entry"; else . "$entry"; fi ;;
      *.sql) psql --no-psqlrc --set=ON_ERROR_STOP=1 --file="$entry" ;;
      *.sql.gz) gunzip -c "$entry" | psql --no-psqlrc --set=ON_ERROR_STOP=1 ;;
      *) echo "postgres: $entry: neither .sh nor .sql nor .sql.gz, left alone" ;;
    esac
  done
  unset PGPASSWORD PGUSER PGHOST PGDATABASE
  pg_ctl --pgdata="$stage/data" --mode=fast --wait stop

  # PG_VERSION last: a folder that has one is whole.
  find "$stage/data" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv -t "$PGDATA" {} +
  sync
  mv "$stage/data/PG_VERSION" "$PGDATA/"
}

# `docker run image -c option=value`, as with the public image.
case ${1:-} in -*) set -- postgres "$@" ;; esac

if [ "${1:-}" = postgres ]; then
  [ "$(id -u)" != 0 ] || die 'running as root: PostgreSQL refuses that, run it as user 999'
  mkdir -p "$PGDATA"
  chmod 0700 "$PGDATA" || die "$PGDATA: not owned by user $(id -u)"
  [ -s "$PGDATA/PG_VERSION" ] || initialise
  rm -rf "$PGDATA/.initialising"
fi
exec "$@"
