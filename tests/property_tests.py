"""How property tests are run; a plugin, so that the telemetry library's run alone in the same way."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long a busy machine takes for an example says nothing of what is tested. The examples are the same in every run:
# new ones are looked for by `pytest --hypothesis-profile=explore`, not by who wants to know whether a change is right.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("here", _PATIENT, derandomize=True)
settings.register_profile("explore", _PATIENT, max_examples=5000)
settings.load_profile("here")
