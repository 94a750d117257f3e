"""The resource as typed values: spec, status, conditions, rules, and what is printed from them."""
