"""Detection of failures injected by the mesh.

Envoy's response to an aborted request has its ``server`` header, the fixed body ``fault filter abort`` and no
``x-envoy-upstream-service-time``, since no upstream was called. An application cannot detect an injected delay; it
shows only in the response flags (FI, DI) of the proxy's access log and span.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

ABORT_BODY = b"fault filter abort"
_ERROR_FROM = 400


async def injected_abort(response: httpx.Response) -> bool:
    """True if the response is an injected abort; the body is read only if everything else matches."""
    headers = response.headers
    if (
        response.status_code < _ERROR_FROM
        or headers.get("server") != "envoy"
        or "x-envoy-upstream-service-time" in headers
        or headers.get("content-length") != str(len(ABORT_BODY))
    ):
        return False
    return await response.aread() == ABORT_BODY
