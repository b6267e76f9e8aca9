"""Types of the settings of every mesh."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

TrustDomain = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?$")]
Folder = Annotated[str, Field(pattern=r"^/[^\s]*$")]
