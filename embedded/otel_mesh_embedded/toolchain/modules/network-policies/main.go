// NetworkPolicies of a cluster of one node, enforced by iptables and ipset.
//
// The controller is kube-router's. Its own program links its router and its service proxy too, which this node does
// not use and which would more than double what is compiled.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

const (
	heartbeats = 10
	pause      = 2 * time.Second // between two tries at the start
)

func main() {
	klog.InitFlags(nil)
	config := options.NewKubeRouterConfig()
	config.EnableIPv4 = true
	flag.StringVar(&config.Kubeconfig, "kubeconfig", "", "file that says how to reach the API server")
	flag.StringVar(&config.HostnameOverride, "node", "", "name of the node whose pods are guarded")
	services := flag.String("service-cluster-ip-range", "", "addresses of Services")
	flag.DurationVar(&config.IPTablesSyncPeriod, "sync-period", time.Minute, "time between two full synchronisations")
	flag.Parse()
	config.ClusterIPCIDRs = strings.Split(*services, ",")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, config); err != nil {
		fmt.Fprintln(os.Stderr, "network-policies:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, config *options.KubeRouterConfig) error {
	access, err := clientcmd.BuildConfigFromFlags("", config.Kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(access)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), pods.HasSynced, namespaces.HasSynced, policies.HasSynced) {
		return nil // told to end
	}
	tables, sets, err := netpol.NewIPTablesHandlers(config)
	if err != nil {
		return err
	}
	var exclusive sync.Mutex
	build := func() (*netpol.NetworkPolicyController, error) {
		return netpol.NewNetworkPolicyController(client, config, pods, policies, namespaces, &exclusive, tables, sets)
	}
	controller, err := build()
	for ; err != nil; controller, err = build() { // the node may not be registered yet
		klog.ErrorS(err, "waiting for the node")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
	handlers := map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		pods:       controller.PodEventHandler,
		namespaces: controller.NamespaceEventHandler,
		policies:   controller.NetworkPolicyEventHandler,
	}
	for informer, handler := range handlers {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	health := make(chan *healthcheck.ControllerHeartbeat, heartbeats)
	go func() {
		for range health { // nobody asks for them: the supervisor looks at the process
		}
	}()
	var done sync.WaitGroup
	done.Add(1)
	controller.Run(health, ctx.Done(), &done)
	return nil
}
