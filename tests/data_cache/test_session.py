"""A session: the key, the endpoints, and whom it does not ask again."""

from pathlib import Path

import pandas as pd
import pytest

from data_cache.errors import BadData, BadUsage, NoData, Unreachable
from data_cache.sources.patience import Passing, Patience
from data_cache.sources.session import Session, endpoints, fred_key

KEY = "0123456789abcdef0123456789abcdef"
NOW = pd.Timestamp("2025-11-03 12:00", tz="UTC")


def test_the_key_of_the_file_goes_before_that_of_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRED_API_KEY", "f" * 32)
    assert fred_key() == "f" * 32
    file = tmp_path / "key"
    file.write_text(f"  {KEY}\nanything else\n")
    assert fred_key(file) == KEY


def test_no_key_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FRED_API_KEY", raising=False)
    assert fred_key() == ""


@pytest.mark.parametrize("wrong", ["0123456789ABCDEF0123456789ABCDEF", "my secret key", KEY + "0", "a b" + "0" * 29])
def test_what_can_be_no_key_is_refused_without_showing_it(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRED_API_KEY", wrong)
    sentence = rf"^\$FRED_API_KEY holds {len(wrong)} characters that are no FRED key: it needs 32 lower-case"
    with pytest.raises(BadUsage, match=sentence) as caught:
        fred_key()
    assert wrong not in str(caught.value)


def test_an_empty_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("")
    with pytest.raises(BadUsage, match="key holds 0 characters that are no FRED key"):
        fred_key(tmp_path / "key")


def test_a_key_file_that_is_not_there_says_where_a_key_comes_from(tmp_path: Path) -> None:
    with pytest.raises(NoData, match=r"is not there; put your FRED key on its first line \(a free key: https://fred"):
        fred_key(tmp_path / "key")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_key_file_of_any_editor_is_read(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\r\n", encoding=encoding)
    assert fred_key(tmp_path / "key") == KEY


def test_a_key_in_place_of_its_file_is_not_shown() -> None:
    with pytest.raises(BadUsage, match=r"--fred-key-file takes a file that holds the key, not the key") as caught:
        fred_key(Path(KEY))
    assert KEY not in str(caught.value)


def test_a_session_does_not_show_its_key() -> None:
    assert KEY not in repr(Session(NOW, fred_key=KEY))


def test_endpoints_stand_in_for_the_providers_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EBBTIDE_ENDPOINTS", raising=False)
    assert endpoints() == {}
    (tmp_path / "mirrors.toml").write_text('fred = "http://127.0.0.1:8000/fred/"\n')
    monkeypatch.setenv("EBBTIDE_ENDPOINTS", str(tmp_path / "mirrors.toml"))
    session = Session(NOW, endpoints=endpoints())
    assert session.base_url("fred", "https://api.stlouisfed.org/fred") == "http://127.0.0.1:8000/fred"
    assert session.base_url("treasury", "https://api.fiscaldata") == "https://api.fiscaldata"


@pytest.mark.parametrize(
    ("text", "kind", "sentence"),
    [
        ("fred = 7", BadData, r"fred must be a base URL such as fred = 'http://127.0.0.1:8000'$"),
        ("fred = 'ftp://x'", BadData, "fred must be a base URL"),
        ("fred", BadData, "is not TOML"),
        (None, NoData, r"is not there; \$EBBTIDE_ENDPOINTS names a TOML file of base URLs$"),
    ],
)
def test_endpoints_that_are_none_are_refused(
    text: str | None, kind: type[Exception], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text is not None:
        (tmp_path / "mirrors.toml").write_text(text)
    monkeypatch.setenv("EBBTIDE_ENDPOINTS", str(tmp_path / "mirrors.toml"))
    with pytest.raises(kind, match=sentence):
        endpoints()


def test_a_provider_that_was_given_up_is_asked_only_once_from_then_on() -> None:
    waits: list[float] = []
    asked: list[str] = []
    session = Session(NOW, patience=Patience(sleep=waits.append))

    def ask() -> None:
        asked.append("fred")
        raise Passing("fred can't be reached")

    for _ in range(2):
        with pytest.raises(Unreachable, match="fred can't be reached"):
            session.persist("fred", ask)
    assert len(asked) == 5 + 1
    assert session.persist("treasury", lambda: "still asked with patience") == "still asked with patience"
