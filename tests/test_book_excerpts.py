"""The words that the search page shows of a page: section by section, as plain data in a script."""

from __future__ import annotations

import json
import re
from types import ModuleType, SimpleNamespace

from book_modules import load
from docutils.core import publish_doctree

PAGE = """
Top
===

::

   code = words

Words of the *top*
section.

- one
- two

Inner
-----

More </script> words.

.. raw:: html

   <b>unseen</b>

.. a comment
"""


def excerpts() -> ModuleType:
    return load("_ext/excerpts.py")


def test_each_section_has_its_own_words_and_no_markup():
    page = publish_doctree(PAGE, settings_overrides={"doctitle_xform": False})
    assert excerpts().sections(page) == [
        ("top", "Words of the top section. one two code = words"),
        ("inner", "More </script> words."),
    ]


def test_the_words_are_one_script_of_plain_data():
    text = excerpts().script({"a/page": [("top", "“</script>”")]})
    data = re.fullmatch(r"window\.bookTexts = (.+);\n", text)[1]
    assert data.isascii() and json.loads(data) == {"a/page": [["top", "“</script>”"]]}


def test_the_search_page_alone_loads_them():
    added: list[str] = []
    book = SimpleNamespace(builder=SimpleNamespace(name="html"), add_js_file=added.append)
    extension = excerpts()
    extension.load_texts(book, "book/intro", "page.html", {}, None)
    assert added == []
    extension.load_texts(book, "search", "search.html", {}, None)
    assert added == ["excerpts.js", "texts.js"]
