"""The development cluster: a real Kubernetes on one machine, with or without an image registry."""
