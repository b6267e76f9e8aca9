module otel-mesh.local/tests/envoy-gateway

go 1.22

require github.com/envoyproxy/gateway v1.9.1
