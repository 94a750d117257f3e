"""The local ring: the operator's own plan, carried out as processes of one machine."""
