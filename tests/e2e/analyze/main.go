package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"

	"istio.io/istio/pkg/config/analysis/analyzers"
	"istio.io/istio/pkg/config/analysis/local"
	"istio.io/istio/pkg/config/resource"
)

// Runs the analyzers of `istioctl analyze` on each file by itself, with the objects that a cluster would add taken from it:
// {"file": "a.yaml", "messages": [{"code": "IST0101", "origin": "VirtualService shop/orders", "message": "..."}]}
func main() {
	out := json.NewEncoder(os.Stdout)
	for _, f := range os.Args[1:] {
		sa := local.NewSourceAnalyzer(analyzers.AllCombined(), resource.Namespace(""), resource.Namespace("istio-system"), nil)
		b, _ := os.ReadFile(f)
		errs := ""
		if err := sa.AddTestReaderKubeSource([]local.ReaderSource{{Name: f, Reader: bytes.NewReader(b)}}); err != nil {
			errs = err.Error()
		}
		_ = sa.AddDefaultResources()
		r, err := sa.Analyze(make(chan struct{}))
		if err != nil {
			errs += err.Error()
		}
		ms := []map[string]string{}
		for _, m := range r.Messages {
			o := ""
			if m.Resource != nil {
				o = m.Resource.Origin.FriendlyName()
			}
			ms = append(ms, map[string]string{"code": m.Type.Code(), "level": m.Type.Level().String(), "origin": o, "message": m.String()})
		}
		_ = out.Encode(map[string]any{"file": filepath.Base(f), "error": errs, "messages": ms})
	}
}
