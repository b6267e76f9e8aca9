"""The component plugin: Pulumi starts this folder."""

from otel_mesh.plugin import main

if __name__ == "__main__":
    main()
