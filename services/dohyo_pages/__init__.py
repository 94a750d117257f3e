"""How reports look: one page each, complete in itself, with figures drawn into it."""
