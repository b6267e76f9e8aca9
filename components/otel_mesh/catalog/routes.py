"""Declared calls: the callees of a service, and the requests that it sends to each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem, join_path
from otel_mesh.core.patterns import Pattern
from otel_mesh.core.values import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

_SEGMENT: Final = r"/(?!\.\.?(?:/|$))[A-Za-z0-9._~!$&'()+,;=:@-]+"
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"

RequestPath = Annotated[
    str,
    Pattern(
        re.compile(rf"(?:{_SEGMENT})*(?:/\*?)?"),
        "is not a path; write one such as /orders, or /orders/* for this path and all below it, without a query, "
        "placeholders in braces, and segments that are empty or dots",
    ),
]
"""Path of a request: exact, or a path and all below it if it ends in ``/*``."""

RpcName = Annotated[
    str,
    Pattern(
        re.compile(rf"{_NAME}(?:\.{_NAME})*/(?:\*|{_NAME})"),
        "is not a gRPC method; write one such as shop.user.v1.UserService/GetUser, or shop.user.v1.UserService/* for "
        "all methods of the gRPC service",
    ),
]
"""Fully qualified gRPC method, or all methods of a gRPC service if it ends in ``/*``."""

_MOST: Final = 32
"""Operations of one caller: a route of the Gateway API has 64 matches at most."""


class Operation(Settings):
    """Requests of one kind: of HTTP by method and path, or of gRPC by its method.

    Attributes:
        methods: HTTP methods; all of them when empty.
        path: Path of the request, exact, or a path and all below it if it ends in ``/*``; any path when empty.
        rpc: Fully qualified gRPC method, such as ``shop.user.v1.UserService/GetUser``, or all methods of a gRPC service
            if it ends in ``/*``; alternative to ``methods`` and ``path``.
    """

    methods: tuple[Method, ...] = ()
    path: RequestPath = ""
    rpc: RpcName | None = None

    @model_validator(mode="after")
    def _one_protocol(self) -> Self:
        if self.rpc and (self.methods or self.path):
            reason = "a gRPC method beside 'methods' or 'path'; gRPC decides both itself"
            raise InvalidSettingsError([Problem("rpc", reason, "give each its own operation")])
        return self

    @property
    def http_methods(self) -> tuple[Method, ...]:
        """HTTP methods of the requests, also of gRPC's; all when empty."""
        return ("POST",) if self.rpc else self.methods

    @property
    def http_path(self) -> str:
        """Path of the requests, also of gRPC's, in the form of ``path``."""
        return f"/{self.rpc}" if self.rpc else self.path


Operations = Annotated[tuple[Operation, ...], Field(max_length=_MOST)]
"""Operations of a caller; any request when empty."""


class Call(Settings):
    """A service that another one calls.

    Attributes:
        service: Name of the called service.
        routes: Requests the caller may send; any when empty. The mesh refuses the others.
    """

    service: str
    routes: Operations = ()


def _named(value: Any) -> Any:  # noqa: ANN401 - whatever was written
    return {"service": value} if isinstance(value, str) else value


NamedCall = Annotated[Call, BeforeValidator(_named, json_schema_input_type=str | Call)]
"""A `Call`, or just the name of a service to which any request may be sent."""


def operation_problems(path: str, operations: Sequence[Operation], callee: str, *, grpc: bool) -> Iterator[Problem]:
    """Problems of operations that the protocol of a callee does not have, or that say nothing.

    Args:
        path: Place of the operations.
        operations: Operations of one caller.
        callee: Name of the called service.
        grpc: Whether the callee speaks gRPC; otherwise HTTP.
    """
    for place, one in enumerate(operations):
        own = join_path(path, place)
        if grpc and not one.rpc:
            remedy = "name a method in 'rpc', such as shop.user.v1.UserService/GetUser"
            yield Problem(own, f"'{callee}' speaks gRPC, whose requests have no methods and paths of their own", remedy)
        elif not grpc and one.rpc:
            yield Problem(f"{own}.rpc", f"'{callee}' speaks HTTP", "name 'methods' and 'path'")
        elif one in operations[:place]:
            yield Problem(own, "is listed twice", "remove one")
        elif not (one.rpc or one.methods or one.path) and len(operations) > 1:
            yield Problem(own, "allows every request, the others listed add nothing", "remove it, or the others")
