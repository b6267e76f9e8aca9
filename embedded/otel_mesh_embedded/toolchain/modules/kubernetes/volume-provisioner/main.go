// Volumes on demand for a cluster of one node: a folder of the machine for every claim.
//
// The controller around it (watching claims, binding, retries, events) is Kubernetes' own library. It runs as a
// program of the node, so no pod has to be trusted with the machine's folders.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const (
	name = "otel-mesh.local/folder"
	// A volume whose removal has begun: out of everybody's way in one step, then emptied.
	going   = ".going-"
	longest = 15 * time.Second // between two tries of a claim
	pause   = 2 * time.Second  // between two tries at the start
)

var errNotOurs = errors.New("is not a folder of this provisioner")

type folders struct {
	root string
	node string
}

// Provision makes the folder of a claim. The name follows from the claim, so that whoever is killed between making
// the folder and making the volume finds the same folder again.
func (f folders) Provision(_ context.Context, options controller.ProvisionOptions) (
	*v1.PersistentVolume, controller.ProvisioningState, error,
) {
	if node := options.SelectedNodeName; node != "" && node != f.node {
		return nil, controller.ProvisioningReschedule, fmt.Errorf("node %s is not %s", node, f.node)
	}
	claim := options.PVC.Spec
	wanted := claim.Resources.Requests[v1.ResourceStorage]
	if err := f.refuse(claim, wanted); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	path := filepath.Join(f.root, options.PVName)
	// Not open to everybody: kubelet hands it to the group of the pod that mounts it.
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, controller.ProvisioningFinished, err
	}
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:   options.PVName,
			Labels: map[string]string{"app.kubernetes.io/managed-by": f.node},
		},
		Spec: v1.PersistentVolumeSpec{
			Capacity:                      v1.ResourceList{v1.ResourceStorage: wanted},
			AccessModes:                   claim.AccessModes,
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			PersistentVolumeSource:        v1.PersistentVolumeSource{Local: &v1.LocalVolumeSource{Path: path}},
			NodeAffinity: &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{
				NodeSelectorTerms: []v1.NodeSelectorTerm{{MatchExpressions: []v1.NodeSelectorRequirement{{
					Key: v1.LabelHostname, Operator: v1.NodeSelectorOpIn, Values: []string{f.node},
				}}}},
			}},
		},
	}, controller.ProvisioningFinished, nil
}

// refuse says why a claim cannot be met; the reason becomes an event of the claim.
func (f folders) refuse(claim v1.PersistentVolumeClaimSpec, wanted resource.Quantity) error {
	for _, mode := range claim.AccessModes {
		if mode != v1.ReadWriteOnce && mode != v1.ReadWriteOncePod {
			return fmt.Errorf("access mode %s: a folder of one node has ReadWriteOnce and ReadWriteOncePod only", mode)
		}
	}
	if claim.Selector != nil {
		return errors.New("selector: volumes are made on demand and have no labels to select by")
	}
	if claim.DataSource != nil || claim.DataSourceRef != nil {
		return errors.New("dataSource: a folder is made empty, copies and snapshots are not to be had")
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(f.root, &disk); err != nil {
		return err
	}
	free := resource.NewQuantity(int64(disk.Bavail)*disk.Bsize, resource.BinarySI)
	if wanted.Cmp(*free) > 0 {
		return fmt.Errorf("storage: %s asked for, the disk of %s has %d MiB free", wanted.String(), f.root, free.Value()>>20)
	}
	return nil
}

// Delete removes the folder of a volume whose claim is gone and whose policy is Delete.
func (f folders) Delete(_ context.Context, volume *v1.PersistentVolume) error {
	if volume.Spec.Local == nil || volume.Spec.Local.Path != filepath.Join(f.root, volume.Name) {
		return &controller.IgnoredError{Reason: errNotOurs.Error()}
	}
	gone := filepath.Join(f.root, going+volume.Name)
	if err := os.Rename(volume.Spec.Local.Path, gone); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.RemoveAll(gone)
}

// sweep removes what a killed predecessor left: half emptied folders, and empty ones that no volume owns.
func (f folders) sweep(ctx context.Context, client kubernetes.Interface) error {
	listed, err := client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	owned := map[string]bool{}
	for _, volume := range listed.Items {
		owned[volume.Name] = true
	}
	entries, err := os.ReadDir(f.root)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(f.root, entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), going):
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		case strings.HasPrefix(entry.Name(), "pvc-") && !owned[entry.Name()]:
			// Fails where there is data: that of a volume which was kept and then forgotten by its administrator.
			if os.Remove(path) == nil {
				klog.InfoS("removed an empty folder without volume", "folder", path)
			}
		}
	}
	return nil
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	root := flag.String("folder", "", "where the volumes' folders are")
	node := flag.String("node", "", "name of the node whose folders they are")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, *kubeconfig, folders{*root, *node}); err != nil {
		fmt.Fprintln(os.Stderr, "volume-provisioner:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig string, f folders) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	for err := f.sweep(ctx, client); err != nil; err = f.sweep(ctx, client) {
		klog.ErrorS(err, "waiting for the API server and the folder")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
	controller.NewProvisionController(ctx, client, name, f,
		controller.LeaderElection(false), // one node, one provisioner
		controller.FailedProvisionThreshold(0),
		controller.FailedDeleteThreshold(0),
		controller.RetryIntervalMax(longest),
	).Run(ctx)
	return nil
}
