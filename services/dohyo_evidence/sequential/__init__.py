"""Tests that stay valid at any look: pure functions and small states, numpy and scipy alone.

An e-value is a bet against a null: under the null it is 1 on average, so it reaches 1/alpha with
probability at most alpha, whenever and however often one looks (Ville's inequality).

- `events`: conditional Bernoulli e-process for rare 0/1 events; the sample-ratio guard.
- `betting`: bets on bounded observations, the core of all other tests.
- `comparison`: weighted (split traffic), paired (shadow) and absolute tests of bounded scores.
- `intervals`: confidence sequences, for display.
- `planning`: how many observations a verdict will take; the standard library alone.

Every state is O(1), is a function of sums, and so merges over replicas by addition.
"""
