"""The container images of the project: locks, wheels, samples, builds."""
