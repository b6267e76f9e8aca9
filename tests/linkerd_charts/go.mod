module otel-mesh.local/tests/linkerd-charts

go 1.22

require github.com/linkerd/linkerd2 v0.5.1-0.20240220173600-1ea6b271718f
