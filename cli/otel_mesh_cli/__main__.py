"""`python -m otel_mesh_cli`: the command `otel-mesh` of this interpreter."""

import sys

from otel_mesh_cli.main import main

if __name__ == "__main__":
    sys.exit(main())
