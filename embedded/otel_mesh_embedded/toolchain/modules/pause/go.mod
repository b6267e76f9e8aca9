module otel-mesh.local/toolchain/pause

go 1.26.0
