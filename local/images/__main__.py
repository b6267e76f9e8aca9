"""``python -m local.images [NAME...]``: make what is missing and print the references."""

from __future__ import annotations

import argparse
import sys

from local.errors import LocalError
from local.images import ensure

_EXIT_REFUSED = 2
_EXIT_INTERRUPTED = 130


def main() -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.images", description=__doc__)
    parser.add_argument("names", nargs="*", help="images (default: all)")
    parser.add_argument("--refresh", action="store_true", help="make the bases again from the newest packages")
    arguments = parser.parse_args()
    try:
        for name, reference in ensure(arguments.names or None, refresh=arguments.refresh).items():
            print(name, reference)
    except LocalError as error:
        print(f"otel-mesh: {error}", file=sys.stderr)
        return _EXIT_REFUSED
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
