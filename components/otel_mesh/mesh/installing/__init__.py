"""What the installers of meshes share: objects of charts, checks of charts, the Gateway API's definitions."""
