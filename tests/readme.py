"""The Python blocks of the README, for the tests that run them."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PARTS = re.compile(
    r"^#+ (?P<heading>[^\n]*)$|^(?:<!-- recipe: (?P<recipe>\w+) -->\n)?```python\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


def _blocks():
    """Return the blocks under their headings, the second of a heading with its number; and apart from them the recipes."""
    blocks, recipes, counts, heading = {}, {}, Counter(), ""
    for part in PARTS.finditer(README):
        if part["heading"] is not None:
            heading = part["heading"].replace("`", "")
        elif part["recipe"] is not None:
            recipes[part["recipe"]] = part["text"]
        else:
            counts[heading] += 1
            blocks[heading if counts[heading] == 1 else f"{heading} {counts[heading]}"] = part["text"]
    return blocks, recipes


BLOCKS, RECIPES = _blocks()


def compiled(name, text):
    """Compile a block, in which `await` may stand outside of functions."""
    return compile(text, f"README.md, {name}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


def rewritten(name, instead):
    """Return a block with other text in place of some of its own, each of which has to stand there once."""
    text = BLOCKS[name]
    for old, new in instead.items():
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the block {name!r} of the README"
        text = text.replace(old, new)
    return text
