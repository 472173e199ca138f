"""What the labs read: text, tables, sentence pairs and series, and the vocabularies that number them."""
