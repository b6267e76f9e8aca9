"""Typed Pulumi components for an observable service mesh.

The public names stand in `__init__.pyi`. Each is imported when it is first used: ``import otel_mesh`` costs almost
nothing, and a program that needs one component does not load the others.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
