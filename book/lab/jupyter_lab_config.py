"""JupyterLab as `make lab` starts it: it asks no other host for anything, and nobody a question.

What it shows are copies (book/lab/copies.py made them): an autosave never touches the checkout.
"""

c = get_config()  # type: ignore  # noqa: F821 (Jupyter provides it)

c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabApp.default_url = "/lab/tree/notebooks/00_workbench.ipynb"
# A browser's tab that was open before does not come back with files of another place.
c.LabApp.extension_manager = "readonly"
