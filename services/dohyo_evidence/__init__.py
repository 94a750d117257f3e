"""The evidence service: stores outcomes, tests them at any look, and explains what it found."""
