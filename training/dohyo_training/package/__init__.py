"""From a model's folder to a BentoML model and a bento of the same name and version."""
