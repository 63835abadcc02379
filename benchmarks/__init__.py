"""The speed claims, each as a ratio against a peer in one run."""
