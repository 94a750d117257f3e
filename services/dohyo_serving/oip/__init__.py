"""The Open Inference Protocol v2, over REST and over gRPC."""
