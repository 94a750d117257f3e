"""What a fitted model is worth: errors, calibration, fairness, money, and how sure one may be."""
