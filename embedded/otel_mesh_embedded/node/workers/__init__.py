"""Programs that run pods on the node: containerd, kubelet, kube-proxy."""
