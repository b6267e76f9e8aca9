// What the provider uses of its own Go SDK, which has a package for each version of each API and takes longer to
// compile than the provider itself.
module github.com/pulumi/pulumi-kubernetes/sdk/v4

go 1.26.0

require github.com/pulumi/pulumi/sdk/v3 v3.215.0
