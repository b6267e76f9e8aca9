"""S1.6: each process of a pod is an instance of its own, however it was started."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

UID = "0b7c5d0e-uid"


def python(program: str, **variables: str) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "POD_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**environment, "OTEL_SERVICE_NAME": "shop", **variables},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


WORKERS = """
    import concurrent.futures, multiprocessing
    from otel_mesh_telemetry import Config
    from otel_mesh_telemetry.resource import build_resource
    def instance():
        return build_resource(Config.from_env().aliases).attributes["service.instance.id"]
    if __name__ == "__main__":
        context = multiprocessing.get_context("{method}")  # as uvicorn --workers starts its own
        with concurrent.futures.ProcessPoolExecutor(1, context) as one:
            with concurrent.futures.ProcessPoolExecutor(1, context) as two:
                print(instance(), one.submit(instance).result(), two.submit(instance).result())
"""


def test_workers_of_one_pod_have_ids_of_their_own_whoever_gave_the_pods() -> None:
    for given in ({"POD_UID": UID}, {"OTEL_RESOURCE_ATTRIBUTES": f"service.instance.id={UID}"}):
        ids = python(WORKERS.format(method="fork"), **given)
        assert ids[0] == UID, "a process alone keeps what it was given"
        assert len(set(ids)) == 3
        assert all(one.startswith(f"{UID}-") for one in ids[1:])


def test_workers_of_gunicorn_are_known_by_what_it_sets() -> None:
    program = """
        from otel_mesh_telemetry import Config
        from otel_mesh_telemetry.resource import build_resource
        import os
        print(build_resource(Config.from_env().aliases).attributes["service.instance.id"], os.getpid())
    """
    found, pid = python(program, POD_UID=UID, SERVER_SOFTWARE="gunicorn/25.0.0")
    assert found == f"{UID}-{pid}"


def test_a_process_that_forks_after_its_start_gets_an_id_from_the_sdk() -> None:
    program = """
        import os, otel_mesh_telemetry
        telemetry = otel_mesh_telemetry.init()
        def instance():
            return telemetry.tracer_provider.resource.attributes["service.instance.id"]
        print(instance(), flush=True)
        if (child := os.fork()) == 0:
            print(instance(), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
    """
    before, after = python(program, POD_UID=UID, OTEL_SDK_DISABLED="true")
    assert before == UID
    assert after != before
