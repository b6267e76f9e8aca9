"""``python -m local.toolchain [NAME...]``: build what is missing and print the folder with the programs."""

from __future__ import annotations

import argparse
import sys

from local.errors import LocalError
from local.toolchain import BUILDS, GROUPS, ensure

_EXIT_REFUSED = 2
_EXIT_INTERRUPTED = 130


def main() -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.toolchain", description=__doc__)
    parser.add_argument("names", nargs="*", default=["all"], help="programs or groups (default: all)")
    parser.add_argument("--list", action="store_true", help="list programs with their versions, and groups")
    arguments = parser.parse_args()
    try:
        if arguments.list:
            for build in BUILDS:
                print(f"{build.version:38} {' '.join(build.programs)}")
            for group, members in GROUPS.items():
                print(f"group {group}: {' '.join(members)}")
        else:
            print(ensure(arguments.names))
    except LocalError as error:
        print(f"otel-mesh: {error}", file=sys.stderr)
        return _EXIT_REFUSED
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
