"""The documents, and the program that draws their diagrams (docs.diagrams)."""
