"""A champion and a challenger under traffic of known truth: on this machine, or on a cluster."""
