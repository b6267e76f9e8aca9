// Package v2 registers the objects of charts and YAML files.
package v2

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Kinds of Kubernetes' core group, whose apiVersion "v1" names no group while the resource's type does.
var coreKinds = map[string]bool{
	"Binding":               true,
	"ConfigMap":             true,
	"Endpoints":             true,
	"Event":                 true,
	"LimitRange":            true,
	"Namespace":             true,
	"Node":                  true,
	"PersistentVolume":      true,
	"PersistentVolumeClaim": true,
	"Pod":                   true,
	"PodTemplate":           true,
	"ReplicationController": true,
	"ResourceQuota":         true,
	"Secret":                true,
	"Service":               true,
	"ServiceAccount":        true,
}

// RegisterResource registers one object by the type that the SDK's own RegisterResource gives it, and leaves the
// engine's answer untyped: nothing in the provider reads its fields.
func RegisterResource(ctx *pulumi.Context, apiVersion, kind, name string, props pulumi.Input,
	opts ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	var resource pulumi.CustomResourceState
	if err := ctx.RegisterResource(typeToken(apiVersion, kind), name, props, &resource, opts...); err != nil {
		return nil, err
	}
	return &resource, nil
}

func typeToken(apiVersion, kind string) string {
	if apiVersion == "v1" && coreKinds[kind] {
		apiVersion = "core/v1"
	}
	return "kubernetes:" + apiVersion + ":" + kind
}
