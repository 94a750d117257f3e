"""What a pod or a container of a version has on disk, asked without the libraries of training."""

from __future__ import annotations

# Prints its golden rows, how its own answers to them differ, and what it should not have imported.
REPLAY = """
import json, pathlib, sys
from dohyo_form.form import Form
(folder,) = pathlib.Path("/bento").rglob("serving-form")
differences = Form(folder).replay()
imported = sorted({"sklearn", "pandas", "xgboost", "dohyo_training"} & set(sys.modules))
golden = json.loads((folder / "golden.json").read_text())
print(json.dumps({"differences": differences, "imported": imported, "golden": golden}))
"""
