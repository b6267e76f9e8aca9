# The README's names for `otel-mesh` commands, and the tools of development. Every recipe first sets up .venv (requirements/bootstrap.sh), which is a no-op once done.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
OTEL_MESH := .venv/bin/otel-mesh
# Which environment: the embedded one, or with CONTEXT a stack on any other cluster of your kubeconfig.
STACK ?= $(if $(CONTEXT),dev,local)
TARGET = --stack '$(STACK)' $(if $(CONTEXT),--context '$(CONTEXT)')
IMAGE_SOURCES = $(if $(REGISTRY),--registry '$(REGISTRY)') $(if $(IMAGES),--images '$(IMAGES)') $(if $(BASE_IMAGE),--base-image '$(BASE_IMAGE)') $(if $(BUILDER),--builder '$(BUILDER)')
WHICH = $(if $(SERVICE),--service='$(SERVICE)') $(if $(SINCE),--since='$(SINCE)') $(if $(LIMIT),--limit='$(LIMIT)')

# Charts from a folder with one folder each, where their repositories are out of reach.
ifneq ($(CHARTS),)
export OTEL_MESH_CHARTS_DIR := $(abspath $(CHARTS))
endif

.PHONY: help up down rotate status env smoke trace slow errors map test test-versions e2e e2e-full lint format preview render compose schema proto dashboards pulumi toolchain-export toolchain-import bench-startup bench-request-overhead bench-collector-outage bench-engine bench-mesh docs

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {gsub(/\$$\$$/, "$$", $$2); printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: .venv/ready ## bring up the embedded environment (root), or: make up STACK=dev CONTEXT=... REGISTRY=...
	@exec $(OTEL_MESH) up $(TARGET) $(IMAGE_SOURCES)

down: .venv/ready ## stop everything that `make up` started; the data stays, but with PURGE=1
	@exec $(OTEL_MESH) down $(if $(PURGE),--purge) $(TARGET)

rotate: .venv/ready ## renew certificates, or WHAT="authorities tokens encryption passwords"; data and pods stay
	@exec $(OTEL_MESH) node rotate $(WHAT)

status: .venv/ready ## one screen: node, pods, addresses, stack
	@exec $(OTEL_MESH) status

env: .venv/ready ## shell settings: eval "$$(make -s env)"
	@exec $(OTEL_MESH) env

smoke: .venv/ready ## one request and one order, their traces as trees, their counts
	@exec $(OTEL_MESH) smoke

trace: .venv/ready ## on call: one trace with its logs: make trace ID=...
	@exec $(OTEL_MESH) trace '$(ID)'

slow: .venv/ready ## on call: the slowest requests and where their time went; SERVICE= ROUTE= SINCE= LIMIT=
	@exec $(OTEL_MESH) slow $(WHICH) $(if $(ROUTE),--route='$(ROUTE)')

errors: .venv/ready ## on call: failing traces by what failed first; SERVICE= SINCE= LIMIT=
	@exec $(OTEL_MESH) errors $(WHICH)

map: .venv/ready ## on call: who called whom, beside what is declared; SINCE=
	@exec $(OTEL_MESH) map $(if $(SINCE),--since='$(SINCE)')

test: .venv/ready ## unit, golden, property and engine tests (no root, no running environment)
	@exec $(PY) -m tests.phases $(PYTEST_ARGS)

test-versions: .venv/ready ## the telemetry library on every supported Python in reach, and with the oldest OpenTelemetry
	@exec $(PY) -m pytest -p no:randomly -m versions tests/app_images/telemetry/adoption $(PYTEST_ARGS)

e2e: .venv/ready ## tests against the running environment; starts it if absent (root); MESH= all tests of that mesh, no others
	@$(if $(MESH),$(PY) -m tests.e2e.meshes '$(MESH)')
	@$(OTEL_MESH) up
	@exec $(PY) -m pytest -p no:randomly -m "$(if $(MESH),e2e,e2e and not full)" $(if $(MESH),--mesh='$(MESH)') tests/e2e $(PYTEST_ARGS)

# Whatever a test broke and did not mend: the environment is whole afterwards, or the last line says why it is not.
e2e-full: .venv/ready ## those and the long and destructive ones; PART= one part of them; the environment is healthy afterwards
	@$(OTEL_MESH) up
	@$(PY) -m pytest -p no:randomly -m e2e $(if $(PART),--part='$(PART)') tests/e2e $(PYTEST_ARGS); code=$$?; $(OTEL_MESH) up && $(OTEL_MESH) status && exit $$code

toolchain-export: .venv/ready ## the built programs as one file, for another machine or a CI cache: FILE=
	@exec $(OTEL_MESH) node toolchain --export '$(FILE)'

toolchain-import: .venv/ready ## take them from that file, hashes compared, in place of compiling: FILE=
	@exec $(OTEL_MESH) node toolchain --import '$(FILE)'

lint: .venv/ready ## ruff, mypy --strict, import contracts, links of the documentation
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy components/otel_mesh infra cli embedded tests bench dashboards docs examples/team_stack
	@.venv/bin/mypy examples/one_service
	@for source in app_images/*/src; do .venv/bin/mypy $$source || exit 1; done
	@.venv/bin/lint-imports --no-cache
	@$(PY) -m docs.links

format: .venv/ready ## let ruff format and fix what it can
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

preview: .venv/ready ## what an update would change; of another stack without CONTEXT: all it makes, no cluster needed
	@exec $(OTEL_MESH) preview $(TARGET)

render: .venv/ready ## a stack's objects as files, without secrets: make render STACK=prod OUT=dir
	@exec $(OTEL_MESH) render --stack '$(STACK)' --out '$(OUT)'

compose: .venv/ready ## the stack as a Docker Compose project, for a machine with Docker: make compose OUT=dir
	@exec $(OTEL_MESH) compose --out '$(OUT)'

pulumi: .venv/ready ## any command of the Pulumi CLI: make pulumi STACK=dev CONTEXT=... ARGS=destroy
	@exec $(OTEL_MESH) pulumi $(TARGET) -- $(ARGS)

schema: .venv/ready ## renew the JSON schema of stack files (infra/schema) after a change of settings
	@$(PY) -m otel_mesh_stack.schema > infra/schema/stack.schema.json.new
	@mv infra/schema/stack.schema.json.new infra/schema/stack.schema.json

proto: .venv/ready ## renew the Python of the services' .proto files (app_images/shop_api) after a change
	@$(PY) app_images/shop_api/generate.py

dashboards: .venv/ready ## renew the dashboards' files after a change of dashboards/
	@exec $(PY) -m dashboards

docs: .venv/ready ## the documentation with the API reference as one site, into dist/docs; needs no network
	@.venv/bin/sphinx-build -W --keep-going -q -b html docs dist/docs
	@echo dist/docs/index.html

bench-startup: .venv/ready ## time of `make up`: without state, from stopped, already up; BENCH_ARGS=--cold: empty caches too
	@exec $(PY) -m bench.startup $(BENCH_ARGS)

bench-request-overhead: .venv/bench/ready ## what telemetry adds to a request, beside the official middleware and logfire
	@exec $(PY) -m bench.request_overhead

bench-collector-outage: .venv/ready ## a service under load while its Collector is gone, then stalled
	@$(OTEL_MESH) node toolchain test
	@exec $(PY) -m bench.collector_outage

bench-engine: .venv/ready ## components beside the same objects registered flat: time and memory
	@$(OTEL_MESH) node toolchain test
	@exec $(PY) -m bench.engine $(BENCH_ARGS)

bench-mesh: .venv/ready ## what a sidecar pair adds to a request, and policies to the pair; and whether traces get lost (environment up)
	@exec $(PY) -m bench.mesh_cost

# Apart from what is developed with: logfire would take part in every test.
.venv/bench/ready: requirements/bench.txt | .venv/ready
	@rm -rf .venv/bench && $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --target .venv/bench -r requirements/bench.txt
	@touch $@

# Renewed when a lock or a distribution's metadata changes.
.venv/ready: requirements/dev.txt requirements/bootstrap.sh $(wildcard */pyproject.toml app_images/*/pyproject.toml)
	@exec requirements/bootstrap.sh
