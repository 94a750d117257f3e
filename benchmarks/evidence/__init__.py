"""Simulations of the tests that decide, and the throughput of the service that runs them."""
