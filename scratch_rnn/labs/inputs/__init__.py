"""Inputs of the labs: text, tables, sentence pairs and time series, and vocabularies."""
