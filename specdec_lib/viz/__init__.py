"""Figures: functions from plain tables to plotly figures, and the renderer that shows them.

A ``plot_x`` takes rows as ``specdec_lib.bench.tables`` makes them, or plain dicts (columns
named in its docstring), returns a ``plotly.graph_objects.Figure`` and never shows it.
Importing this package imports neither plotly nor anything that measures.
"""
