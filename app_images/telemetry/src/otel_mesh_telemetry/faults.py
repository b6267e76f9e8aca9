"""Whether a failure was injected by the mesh, told only from evidence.

An Envoy that aborts a request on purpose answers itself: its ``server`` header, the fixed body ``fault filter abort``
and no ``x-envoy-upstream-service-time``, since no upstream was asked. A delay leaves no trace that an application
could see; only the proxy's own flags (FI, DI) in its access log and span are proof of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

ABORT_BODY = b"fault filter abort"
_ERROR_FROM = 400


async def injected_abort(response: httpx.Response) -> bool:
    """Whether the response is an injected abort; reads its body only where everything else says so."""
    headers = response.headers
    if (
        response.status_code < _ERROR_FROM
        or headers.get("server") != "envoy"
        or "x-envoy-upstream-service-time" in headers
        or headers.get("content-length") != str(len(ABORT_BODY))
    ):
        return False
    return await response.aread() == ABORT_BODY
