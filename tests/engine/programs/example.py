"""An example program as it stands; objects are not awaited, since there is no kubelet."""

import os
import runpy

from tests.engine.programs.cluster import wait_for_nothing

wait_for_nothing()
runpy.run_path(os.environ["EXAMPLE"], run_name="__main__")
