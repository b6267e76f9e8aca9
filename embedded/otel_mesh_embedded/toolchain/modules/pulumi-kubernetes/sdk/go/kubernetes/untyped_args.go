// Package kubernetes holds the input type of objects that no Go type describes.
package kubernetes

import "reflect"

// UntypedArgs are the fields of a Kubernetes object.
type UntypedArgs map[string]any

// ElementType is the type of the resolved value.
func (UntypedArgs) ElementType() reflect.Type {
	return reflect.TypeFor[map[string]any]()
}
