"""Tables of cells: rows for a report, from the counts that the records of a sweep hold."""
