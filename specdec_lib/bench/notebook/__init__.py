"""Notebooks run as programs: parameters checked first, one kernel, papermill."""
