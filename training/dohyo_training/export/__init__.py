"""From a fitted scikit-learn pipeline to the serving form, and the proof that both are equal."""
