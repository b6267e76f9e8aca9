"""Programs and base file systems from the machine's Debian archive, without installing anything."""

from local.debian.apt import Apt
from local.debian.prefix import PACKAGES, ensure, environment, here

__all__ = ["PACKAGES", "Apt", "ensure", "environment", "here"]
