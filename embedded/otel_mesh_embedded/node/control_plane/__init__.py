"""The control plane: etcd, API server, controller manager, scheduler, and Secrets at rest."""
