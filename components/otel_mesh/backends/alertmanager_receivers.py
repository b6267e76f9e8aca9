"""Receivers of notifications: where an `Alertmanager` sends alerts, and the Secrets that it needs for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, model_validator

from otel_mesh.core.endpoints import SecretKey, SecretReference, is_in_cluster, unencrypted
from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.outputs import HostPortInput, UrlInput  # noqa: TC001 - pydantic reads them at run time
from otel_mesh.core.values import Settings
from otel_mesh.k8s.containers import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from otel_mesh.k8s.pod_types import ProjectedSource, VolumeSource

_FOLDER: Final = "/etc/alertmanager-secrets"
_TEXT: Final = (
    "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.description }}\n{{ .Annotations.runbook }}\n\n"
    "{{ end }}"
)
"""What broke, for whom, and the next command, of each alert of a group."""
_SUMMARY: Final = "{{ (index .Alerts 0).Annotations.summary }}"

Mailbox = Annotated[str, Field(max_length=320, pattern=re.compile(r"^[^@\s,]+@[A-Za-z0-9.-]+$"))]
"""Mail address such as ``oncall@example.com``."""


class Webhook(Settings):
    """An HTTP server that gets each group of alerts as JSON.

    Attributes:
        url: URL without credentials.
        url_secret: URL in a Secret, for one that contains credentials.
        bearer_token: Token of every request, from a Secret.
    """

    url: UrlInput | None = None
    url_secret: SecretReference | None = None
    bearer_token: SecretReference | None = None

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        if (self.url is None) == (self.url_secret is None):
            given = "neither is" if self.url is None else "both are"
            raise InvalidSettingsError([Problem("url", f"the URL: {given} given", "set either url or url_secret")])
        token = {"bearer_token": self.bearer_token is not None}
        if self.url is not None and (problems := unencrypted(self.url, tls=None, credentials=token, path="url")):
            raise InvalidSettingsError(problems)
        return self


class Email(Settings):
    """Mail.

    Attributes:
        to: Addresses of the recipients.
        sender: Address of the sender.
        server: ``host:port`` of the SMTP server.
        username: User of the SMTP server; None for no login.
        password: Password of the user, from a Secret.
        require_tls: Whether the connection has to be encrypted by STARTTLS. A login requires it.
    """

    to: tuple[Mailbox, ...] = Field(min_length=1)
    sender: Mailbox
    server: HostPortInput
    username: str | None = None
    password: SecretReference | None = None
    require_tls: bool = True

    @model_validator(mode="after")
    def _login(self) -> Self:
        problems = []
        if (self.username is None) != (self.password is None):
            problems.append(Problem("password", "a login is a username and a password", "set both or neither"))
        host = self.server.partition(":")[0] if isinstance(self.server, str) else ""
        if self.password is not None and not self.require_tls and not is_in_cluster(host):
            problems.append(Problem("password", "would leave the cluster unencrypted", "set require_tls"))
        if problems:
            raise InvalidSettingsError(problems)
        return self


class Slack(Settings):
    """A Slack channel, or a service with the same interface.

    Attributes:
        api_url: URL of the incoming webhook, from a Secret.
        channel: Channel such as ``#alerts``.
    """

    api_url: SecretReference
    channel: Annotated[str, Field(min_length=1, max_length=80)]


class PagerDuty(Settings):
    """A PagerDuty service.

    Attributes:
        routing_key: Integration key of the Events API v2, from a Secret.
    """

    routing_key: SecretReference


class Receiver(Settings):
    """Where a group of alerts is sent; several at once are possible.

    Attributes:
        webhook: HTTP server.
        email: Mail.
        slack: Slack channel.
        pagerduty: PagerDuty service.
        send_resolved: Whether the end of an alert is sent too.
    """

    webhook: Webhook | None = None
    email: Email | None = None
    slack: Slack | None = None
    pagerduty: PagerDuty | None = None
    send_resolved: bool = True

    @model_validator(mode="after")
    def _reaches_somebody(self) -> Self:
        if not any((self.webhook, self.email, self.slack, self.pagerduty)):
            problem = Problem("", "reaches nobody", "set webhook, email, slack or pagerduty")
            raise InvalidSettingsError([problem])
        return self

    def secrets(self) -> dict[str, SecretKey]:
        """The values from Secrets, by the name of their file."""
        webhook, email, slack, pagerduty = self.webhook, self.email, self.slack, self.pagerduty
        found: dict[str, SecretKey | None] = {
            "webhook-url": webhook.url_secret if webhook else None,
            "webhook-token": webhook.bearer_token if webhook else None,
            "email-password": email.password if email else None,
            "slack-url": slack.api_url if slack else None,
            "pagerduty-key": pagerduty.routing_key if pagerduty else None,
        }
        return {name: one for name, one in found.items() if one is not None}


def receiver_config(name: str, receiver: Receiver) -> dict[str, Any]:
    """An entry of ``receivers``; secrets are files, which the program reads at each notification.

    Args:
        name: Name of the receiver.
        receiver: Its settings.
    """
    common = {"send_resolved": receiver.send_resolved}
    entry: dict[str, Any] = {"name": name}
    if receiver.webhook is not None:
        entry["webhook_configs"] = [{**common, **_webhook(name, receiver.webhook)}]
    if receiver.email is not None:
        entry["email_configs"] = [{**common, **_email(name, receiver.email)}]
    if receiver.slack is not None:
        slack = {"api_url_file": _file(name, "slack-url"), "channel": receiver.slack.channel, "text": _TEXT}
        entry["slack_configs"] = [{**common, **slack}]
    if receiver.pagerduty is not None:
        key = {"routing_key_file": _file(name, "pagerduty-key"), "description": _SUMMARY}
        entry["pagerduty_configs"] = [{**common, **key}]
    return entry


def _webhook(name: str, webhook: Webhook) -> dict[str, Any]:
    url = {"url": webhook.url} if webhook.url is not None else {"url_file": _file(name, "webhook-url")}
    if webhook.bearer_token is None:
        return url
    return {**url, "http_config": {"authorization": {"credentials_file": _file(name, "webhook-token")}}}


def _email(name: str, email: Email) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "to": ", ".join(email.to),
        "from": email.sender,
        "smarthost": email.server,
        "require_tls": email.require_tls,
        "text": _TEXT,
    }
    if email.username is not None:
        fields |= {"auth_username": email.username, "auth_password_file": _file(name, "email-password")}
    return fields


def receiver_volumes(receivers: Mapping[str, Receiver]) -> Iterator[Volume]:
    """One volume for each receiver with secrets.

    Args:
        receivers: Receivers by name.
    """
    for name, receiver in receivers.items():
        sources: list[ProjectedSource] = [
            {"secret": {"name": one.secret, "items": [{"key": one.key, "path": file}]}}
            for file, one in receiver.secrets().items()
        ]
        if sources:
            source: VolumeSource = {"projected": {"defaultMode": 0o440, "sources": sources}}
            yield Volume(name=f"receiver-{name}", path=f"{_FOLDER}/{name}", source=source, read_only=True)


def _file(receiver: str, name: str) -> str:
    return f"{_FOLDER}/{receiver}/{name}"
