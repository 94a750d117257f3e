"""A data set scored by versions of a model: shards of it, and the report at the end."""
