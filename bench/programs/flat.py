"""The same objects without components, as typed classes of pulumi_kubernetes."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Service, ServiceAccount
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from bench.programs.cluster import options

opts = options()
for one in json.loads(Path(os.environ["BENCH_OBJECTS"]).read_text()):
    name, meta = one["metadata"]["name"], one["metadata"]
    match one["kind"]:
        case "ServiceAccount":
            automount = one["automountServiceAccountToken"]
            ServiceAccount(name, metadata=meta, automount_service_account_token=automount, opts=opts)
        case "Deployment":
            Deployment(name, metadata=meta, spec=one["spec"], opts=opts)
        case "Service":
            Service(name, metadata=meta, spec=one["spec"], opts=opts)
        case "PodDisruptionBudget":
            PodDisruptionBudget(name, metadata=meta, spec=one["spec"], opts=opts)
        case kind:
            raise NotImplementedError(kind)
