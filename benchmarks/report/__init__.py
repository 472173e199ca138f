"""Tables, JSON, Markdown and pictures of a run, and the record of the machine."""
