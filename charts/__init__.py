"""The Helm charts, and the typed models that their values, schemas and READMEs are printed from."""
