// The Kubernetes resource provider of Pulumi at the release its module was tagged with.
//
// Upstream's own main embeds two generated files that its module doesn't carry. This one embeds
// their sources, which the builder copies out of the module beside this file, and adds the
// version to the schema as upstream's generator does.
package main

import (
	"bytes"
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

func main() {
	versioned := bytes.Replace(schema, []byte("{"), []byte(`{"version":"`+version.Version+`",`), 1)
	provider.Serve("kubernetes", version.Version, versioned, terraformMapping)
}
