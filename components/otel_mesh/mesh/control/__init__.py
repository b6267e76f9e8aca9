"""Components that control a mesh's traffic: the same for every mesh, rendered for the one in the binding."""
