"""The seal of a page: a sha256 of all its text inside the page itself, so that any change made to it is noticed."""

import hashlib
import re
from dataclasses import dataclass

_UNSET = "0" * 64
_META = '<meta name="ebbtide-seal" content="{}">'
_SEAL = re.compile(r'<meta name="ebbtide-seal" content="([0-9a-f]{64})">')
_LINE = re.compile(_SEAL.pattern + r"\n?")
_PLACE = re.compile(r"<meta charset=[^>]*>\n?", re.IGNORECASE)


@dataclass(frozen=True)
class Seal:
    """What a page says its sha256 is ("" where it has no seal such as ebbtide writes), and what it is."""

    said: str
    found: str

    @property
    def missing(self) -> bool:
        """Whether the page is not sealed, so that it can't be told whether it was changed."""
        return not self.said

    @property
    def broken(self) -> bool:
        """Whether the page was changed after it was sealed."""
        return not self.missing and self.said != self.found

    @property
    def whole(self) -> bool:
        """Whether the page is sealed, and as it was then."""
        return self.said == self.found != ""


def sealed(text: str) -> str:
    """A page with its seal in the head, behind the charset; a page without a charset stays as it is."""
    place = _PLACE.search(text)
    if place is None:
        return text
    unset = text[: place.end()] + _META.format(_UNSET) + "\n" + text[place.end() :]
    return _SEAL.sub(_META.format(_sha256(unset)), unset, count=1)


def seal_of(text: str) -> Seal:
    """The seal of a page that was read from a file; line endings may have been changed on its way.

    Only one that is written as ebbtide writes it counts, so that no seal can be hidden by writing it otherwise.
    """
    said = _SEAL.search(text)
    if said is None:
        return Seal("", _sha256(text))
    return Seal(said[1], _sha256(_SEAL.sub(_META.format(_UNSET), text, count=1)))


def unsealed(text: str) -> str:
    """A page without its seal, as `plain` leaves it: what it was sealed from."""
    return _LINE.sub("", plain(text), count=1)


def plain(text: str) -> str:
    """A text whatever mail programs did to it: any line endings, with or without a byte order mark or a last one."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def _sha256(text: str) -> str:
    return hashlib.sha256(plain(text).encode()).hexdigest()
