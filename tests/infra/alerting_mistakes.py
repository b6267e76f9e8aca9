"""Problems in the settings of an Alertmanager, in the form of `tests.infra.mistakes`."""

from __future__ import annotations

from typing import Any, Final

from tests.infra.mistake import Mistake

KEY: Final = {"secret": "alert-receivers", "key": "team"}
TEAM: Final = {"slack": {"api_url": KEY, "channel": "#alerts"}}
MAIL: Final = {"to": ["a@example.com"], "sender": "b@example.com", "server": "smtp.example.com:587"}


def _team(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - of a stack file
    return {"alertmanager": {"receivers": {"team": fields}, "default_receiver": "team"}}


ALERTING = (
    Mistake(
        "a route to a receiver that there is not",
        {"alertmanager": {"receivers": {"team": TEAM}, "routes": {"critical": "tema", "warning": "team"}}},
        ("alertmanager.routes.critical: 'tema' is not one of the receivers; did you mean 'team'?",),
        in_editor=False,
    ),
    Mistake(
        "a receiver that gets nothing",
        {"alertmanager": {"receivers": {"team": TEAM}}},
        ("alertmanager.receivers.team: no route leads to it; name it in routes or default_receiver",),
        in_editor=False,
    ),
    Mistake(
        "a severity that no rule has",
        {"alertmanager": {"receivers": {"team": TEAM}, "routes": {"page": "team"}}},
        ("alertmanager.routes.page: should be 'critical' or 'warning'; choose one of them",),
    ),
    Mistake(
        "a receiver that reaches nobody",
        _team(send_resolved=False),
        ("alertmanager.receivers.team: reaches nobody; set webhook, email, slack or pagerduty",),
        in_editor=False,
    ),
    Mistake(
        "a receiver's URL in the stack file",
        _team(slack={"api_url": "https://hooks.example.com/canary", "channel": "#alerts"}),
        (
            (
                "alertmanager.receivers.team.slack.api_url: is a plain value; "
                "write {secret: ..., key: ...} with the name of a Secret and its key"
            ),
        ),
    ),
    Mistake(
        "a webhook without a URL",
        _team(webhook={}),
        ("alertmanager.receivers.team.webhook.url: the URL: neither is given; set either url or url_secret",),
        in_editor=False,
    ),
    Mistake(
        "a webhook's token that anybody on the way can read",
        _team(webhook={"url": "http://hooks.example.com/alerts", "bearer_token": KEY}),
        (
            (
                "alertmanager.receivers.team.webhook.bearer_token: would leave the cluster unencrypted; "
                "write https:// in 'url'"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "half a login",
        _team(email={**MAIL, "username": "alerts"}),
        ("alertmanager.receivers.team.email.password: a login is a username and a password; set both or neither",),
        in_editor=False,
    ),
    Mistake(
        "a mail password that anybody on the way can read",
        _team(email={**MAIL, "username": "alerts", "password": KEY, "require_tls": False}),
        ("alertmanager.receivers.team.email.password: would leave the cluster unencrypted; set require_tls",),
        in_editor=False,
    ),
    Mistake(
        "an Alertmanager outside with settings of one's own",
        {"alertmanager": {"endpoint": "https://alerts.example.com", "replicas": 2}},
        (
            (
                "alertmanager.replicas: is a setting of the stack's own Alertmanager, which 'endpoint' replaces; "
                "remove it, or 'endpoint'"
            ),
        ),
    ),
    Mistake(
        "an Alertmanager outside that nothing sends to",
        {
            "alertmanager": {"endpoint": "https://alerts.example.com"},
            "prometheus": {"endpoint": "https://metrics.example.com:4317"},
        },
        (
            (
                "alertmanager.endpoint: has no effect: the metrics backend is outside the stack, and evaluates the "
                "alerts itself; remove it, and name the Alertmanager there"
            ),
        ),
        in_editor=False,
    ),
)
