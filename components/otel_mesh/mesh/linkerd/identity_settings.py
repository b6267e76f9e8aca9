"""Settings of a Linkerd's certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import ObjectName, Settings

if TYPE_CHECKING:
    from typing import Self

_MAX_GENERATIONS = 2

GenerationNumber = Annotated[int, Field(ge=1, le=9999)]


class CertManagerIssuer(Settings):
    """An issuer of cert-manager whose certificate is the trust anchor.

    Attributes:
        name: Name of the issuer.
        kind: Kind of the issuer: of the control plane's namespace, or of the whole cluster.
        duration: Lifetime of the mesh's issuer in hours; cert-manager renews it after two thirds.
    """

    name: ObjectName
    kind: Literal["Issuer", "ClusterIssuer"] = "Issuer"
    duration: Annotated[int, Field(ge=48, le=8760)] = 720


class IdentitySettings(Settings):
    """Origin of the trust anchor, of the issuer, and of the webhooks' certificates.

    Attributes:
        source: ``generated``: once by the program, with the keys as secrets in its state; ``given``: in the arguments;
            ``cert-manager``: the issuer by cert-manager, the trust anchor in the arguments.
        generations: Numbers of the generated generations whose trust anchors are valid: one, and during a rotation the
            present and the next one. The webhooks' certificates are generated with every source.
        issuer_generation: Generation whose issuer signs; None for the first, which all proxies trust already.
        lifetime_days: Lifetime of generated certificates in days.
        cert_manager: Issuer of cert-manager, with that source.
    """

    source: Literal["generated", "given", "cert-manager"] = "generated"
    generations: tuple[GenerationNumber, ...] = (1,)
    issuer_generation: GenerationNumber | None = None
    lifetime_days: Annotated[int, Field(ge=7, le=1825)] = 365
    cert_manager: CertManagerIssuer | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        if not 1 <= len(self.generations) <= _MAX_GENERATIONS or list(self.generations) != sorted(
            set(self.generations)
        ):
            reason = "are not one number, or two ascending ones"
            problems.append(Problem("generations", reason, "write [1], and during a rotation [1, 2]"))
        elif self.issuer_generation is not None and self.issuer_generation not in self.generations:
            reason = f"{self.issuer_generation} is not one of generations"
            problems.append(Problem("issuer_generation", reason, "name one of them: others trust no issuer of it"))
        if (self.source == "cert-manager") != (self.cert_manager is not None):
            reason = "is not set" if self.cert_manager is None else f"has no effect with source '{self.source}'"
            problems.append(Problem("cert_manager", reason, "set both cert_manager and source: cert-manager"))
        if problems:
            raise InvalidSettingsError(problems)
        return self

    @property
    def issuing(self) -> int:
        """Number of the generation whose issuer signs."""
        return self.issuer_generation or self.generations[0]

    @property
    def marker(self) -> str:
        """A text that changes with every step of a rotation of generated certificates."""
        return f"{'+'.join(str(one) for one in self.generations)}/{self.issuing}"


IDENTITY_ISSUER: Final = "linkerd-identity-issuer"
"""Name of the Secret with the issuer, which Linkerd's identity service reads."""
