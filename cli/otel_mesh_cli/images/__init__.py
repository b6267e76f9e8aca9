"""Images of the services: built by docker, podman or buildah, pushed to a registry or loaded into a cluster's nodes."""
