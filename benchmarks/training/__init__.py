"""Training beside its peers: quality, time, memory, and the time of one row."""
