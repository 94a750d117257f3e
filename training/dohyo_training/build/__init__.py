"""Many algorithms, judged on the same folds; one of them is chosen by a stated rule."""
