"""The panels of the workbench: *Try it*, *Predict*, *Sweep* and *Audit*, for JupyterLab and for a page.

Each shows its controls where somebody sits in front of a kernel, and otherwise what was recorded. What it
does, it does in the background; it can be stopped, and ends in a line, whatever goes wrong. What ``bench``
knows is handed in: no panel imports it.
"""
