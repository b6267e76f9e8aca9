"""What runs pods on the node: containerd, kubelet, kube-proxy."""
