#!/usr/bin/env bash
# Renews the hashed locks. Needs uv (`pip install uv`) and a package index; run it after editing an .in file.
set -euo pipefail
cd "$(dirname "$0")"
flags=(--quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate
       --custom-compile-command requirements/compile.sh)
uv pip compile "${flags[@]}" "$@" dev.in -o dev.txt
uv pip compile "${flags[@]}" -c dev.txt services.in -o services.txt
uv pip compile "${flags[@]}" -c dev.txt ../app_images/backup_store/requirements.in \
  -o ../app_images/backup_store/requirements.txt
uv pip compile "${flags[@]}" -c dev.txt build.in -o build.txt
uv pip compile "${flags[@]}" -c dev.txt fuzz.in -o fuzz.txt
uv pip compile "${flags[@]}" --no-deps bench.in -o bench.txt
uv pip compile "${flags[@]}" envoy.in -o envoy.txt
