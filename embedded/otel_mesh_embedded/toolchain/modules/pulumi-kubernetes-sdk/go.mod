module otel-mesh.local/toolchain/pulumi-kubernetes-sdk

go 1.26.0

require github.com/pulumi/pulumi-kubernetes/sdk/v4 v4.25.0
