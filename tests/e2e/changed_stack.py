"""`python -m local ...` on stack local with some settings changed: `python -m tests.e2e.changed_stack CHANGES WORD...`.

CHANGES is JSON that takes the place of values in Pulumi.local.yaml, as an edit of that file would.
"""

from __future__ import annotations

import dataclasses
import json
import sys

from local import __main__, pulumi_cli

if __name__ == "__main__":
    changes, *words = sys.argv[1:]
    workspace = pulumi_cli.embedded
    pulumi_cli.embedded = lambda: dataclasses.replace(workspace(), changes={"local": json.loads(changes)})
    sys.exit(__main__.main(words))
