"""Records: plain data in files of one JSON object a line; nothing here knows torch."""
