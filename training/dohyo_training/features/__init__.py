"""Columns → numbers, as one scikit-learn pipeline, and the request that it asks for."""

from dohyo_training.features.description import described
from dohyo_training.features.preprocessing import inputs, pipeline
from dohyo_training.features.request import RequestField, fields
from dohyo_training.features.rowwise import RowFeatures

__all__ = ["RequestField", "RowFeatures", "described", "fields", "inputs", "pipeline"]
