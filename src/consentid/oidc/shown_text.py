"""What a client says to people: nothing in it may turn, hide or break what stands around it."""

import re
import unicodedata
from typing import Final

_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0e\uffa0\U0001d159"
    "\U000e0100-\U000e01ef“”„‟«»\u2039\u203a\u275b-\u275e\u301d-\u301f"
    "\uff02\U0001f676-\U0001f678]"
)
"""What looks like nothing, though printable, and what would end our own quotation marks."""
_MARKS: Final = frozenset({"Mn", "Me"})
"""What stands over, under or around a letter; not all of it has a combining class."""
_MOST_MARKS: Final = 2


def is_plain(text: str) -> bool:
    """Whether it is printable through and through, and stays in its own line and quotes."""
    marks = "".join("m" if unicodedata.category(each) in _MARKS else "." for each in text)
    # Marks are not to be heaped on one letter, over the lines around it, nor to stand for a name.
    is_piled = "m" * (_MOST_MARKS + 1) in marks or marks.startswith("m")
    return text.isprintable() and not _UNSEEN.search(text) and not is_piled
