"""A Sphinx extension: links to the repository, to Binder and to Colab, from ``repository.url`` alone.

Without an address there are none: no button leads to a wrong place. With one, every notebook can be opened
on Binder and, from GitHub, in Colab, and every page has its source, "suggest edit" and "open issue".
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

BINDER, COLAB = "https://mybinder.org", "https://colab.research.google.com"
_KNOWN_HOST = re.compile(r"https://(github\.com|gitlab\.com|bitbucket\.org)(/[\w.-]+){2,}")
_NO_ADDRESS_OF_OURS = "https://github.com/executablebooks/jupyter-book"  # what Jupyter Book takes without one
_BUTTONS = ("use_repository_button", "use_edit_page_button", "use_issues_button")


def derive_links(app: Sphinx, config: Config) -> None:
    """Set the theme's options that follow from the address of the repository."""
    options: dict[str, Any] = config.html_theme_options
    url = (options.get("repository_url") or "").strip().rstrip("/").removesuffix(".git")
    url = "" if url == _NO_ADDRESS_OF_OURS else url
    if url and not _KNOWN_HOST.fullmatch(url):
        raise ConfigError(
            f"repository.url is {url!r}; write https://github.com/OWNER/NAME (or gitlab, bitbucket)"
        )
    options["repository_url"] = url
    options["launch_buttons"] = launch_buttons(options.get("launch_buttons", {}), url)
    options.update(dict.fromkeys(_BUTTONS, bool(url)))


def launch_buttons(asked: dict[str, Any], url: str) -> dict[str, Any]:
    """The services that can open a notebook of the repository at ``url``."""
    host = url.split("/")[2] if url else ""
    services = {"binderhub_url": BINDER * (host in ("github.com", "gitlab.com"))}
    services["colab_url"] = COLAB * (host == "github.com")
    return {"notebook_interface": asked.get("notebook_interface", "jupyterlab"), **services}


def setup(app: Sphinx) -> dict[str, bool]:
    """Run once, when the configuration has been read."""
    app.connect("config-inited", derive_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
