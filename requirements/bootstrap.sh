#!/usr/bin/env bash
# Makes .venv from the hashed lock. Safe to kill: .venv/ready is written last, and make runs this again without it.
# Everything goes to stderr, so that `eval "$(make -s env)"` sees only the settings.
set -euo pipefail
exec 1>&2
cd "$(dirname "$0")/.."

die() { printf 'otel-mesh: %s\n' "$1"; exit 2; }

usable() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null && usable "$candidate" && { echo "$candidate"; return; }
  done
  return 1
}

python=$(find_python) || {
  command -v apt-get >/dev/null || die 'python: no Python 3.11 or newer with venv on PATH; install one, or name it with PYTHON=...'
  [ "$(id -u)" = 0 ] || die 'python: no Python 3.11 or newer with venv on PATH; as root: apt-get install python3-venv'
  echo 'otel-mesh: installing python3-venv (Debian package)'
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv ca-certificates; } ||
    die 'python3-venv: apt-get could not install it (see above); install Python 3.11 or newer with venv and run make again'
  python=$(find_python) || die 'python: the distribution has no Python 3.11; install one and name it with PYTHON=...'
}

[ -x .venv/bin/python ] && usable .venv/bin/python || { rm -rf .venv; "$python" -m venv .venv; }
rm -f .venv/ready
echo "otel-mesh: Python packages of requirements/dev.txt into .venv ($("$python" --version))"
pip() { .venv/bin/python -m pip --disable-pip-version-check --quiet "$@"; }
pip install --no-compile --require-hashes -r requirements/dev.txt ||
  die 'requirements/dev.txt: pip could not install it (see above); check the network or the index that pip is configured for, then run make again'
projects=(components infra cli embedded app_images/*/)
editable=()
for project in "${projects[@]}"; do [ -f "$project/pyproject.toml" ] && editable+=(-e "./$project"); done
pip install --no-deps --no-build-isolation "${editable[@]}"
touch .venv/ready
