"""The serving form: a model as data, served in microseconds and without pickle.

Its files stand in docs/reference/serving-form.md. `Form.load` reads them, `write_form` writes them.
"""
