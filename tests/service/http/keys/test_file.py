"""The file of keys: which are valid, and that what is wrong is named without a word of any key."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from api_keys import entry, secret
from corpus import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from pricerange.errors import SettingsError
from service.http.keys.entry import MOST_KEYS, Entry
from service.http.keys.file import MOST_BYTES, entries_of, read

PLAIN, TOML = Path("keys.txt"), Path("keys.toml")
DIGEST = sha256(b"the-secret-of-the-shop").digest()


def found(content: str, path: Path = TOML) -> tuple[Entry, ...]:
    return entries_of(content.encode(), path)


def test_a_key_a_line_has_the_roles_that_keys_always_had_and_the_name_of_its_digest() -> None:
    [one, other] = found(
        "# shop\nthe-secret-of-the-shop\n\n another-secret-here \nthe-secret-of-the-shop", PLAIN
    )
    assert one == Entry(DIGEST.hex()[:8], DIGEST, frozenset({"predict", "metrics"}))
    assert other.digest == sha256(b"another-secret-here").digest()


def test_a_table_says_all_that_there_is_to_say() -> None:
    text = entry(
        "shop",
        "expires = 2027-01-31T01:00:00+01:00",
        "rows_per_second = 500",
        key="the-secret-of-the-shop",
        roles=["predict", "admin"],
    )
    expires = datetime(2027, 1, 31, tzinfo=UTC)
    expected = Entry("shop", DIGEST, frozenset({"predict", "admin"}), expires, 500.0)
    assert found(text) == (expected,)
    assert found(f"# tables tell that it is TOML\n{text}", PLAIN) == (expected,)


def test_a_digest_stands_for_its_secret() -> None:
    [hashed] = found(f'[[key]]\nname = "shop"\nsha256 = "{DIGEST.hex().upper()}"\nroles = ["predict"]')
    assert hashed == found(entry("shop", key="the-secret-of-the-shop"))[0]


def test_a_name_may_have_several_keys_while_they_are_rotated() -> None:
    both = found(entry("shop", key=secret("old")) + entry("shop", key=secret("new")))
    assert [one.name for one in both] == ["shop", "shop"]


KEYLESS = '[[key]]\nname = "shop"\nroles = ["predict"]\n'

UNFIT = [
    pytest.param("", "at least one key", id="empty"),
    pytest.param("key = []", "at least one key", id="no-tables"),
    pytest.param('[key]\nname = "shop"', "nothing but", id="one-table"),
    pytest.param(entry("shop") + "[other]\nsecret = 1", "nothing but", id="another-table"),
    pytest.param("key = 1", "nothing but", id="a-number"),
    pytest.param("key = [1]", "entry 1", id="a-list-of-numbers"),
    pytest.param(entry("shop") + '[[key]]\nname = "shop\n', "line 6, column 13", id="no-toml"),
    pytest.param(entry("shop", '"secret of mine" = 1'), "entry 1", id="unknown-field"),
    pytest.param(entry("shop") + KEYLESS, "either key or sha256', found 'none in entry 2", id="no-secret"),
    pytest.param(entry("shop", f'sha256 = "{DIGEST.hex()}"'), "both in entry 1", id="two-secrets"),
    pytest.param(entry("shop", key="secret"), "key to be at least 16", id="short"),
    pytest.param(entry("shop", key="secret secret secret"), "key to be at least 16", id="spaces"),
    pytest.param(KEYLESS + 'sha256 = "secret"', "64 hexadecimal", id="no-digest"),
    pytest.param(entry("a secret"), "name to be", id="name"),
    pytest.param(entry("shop", roles=[]), "roles to be", id="no-roles"),
    pytest.param(entry("shop", roles=["secret"]), "roles to be", id="unknown-role"),
    pytest.param(f'[[key]]\nname = "shop"\nkey = "{secret("shop")}"', "none in entry 1", id="roles-missing"),
    pytest.param(entry("shop", "expires = 2027-01-31T00:00:00"), "with an offset", id="no-offset"),
    pytest.param(entry("shop", "expires = 2027-01-31"), "with an offset", id="a-day"),
    pytest.param(entry("shop", 'expires = "2027-01-31T00:00:00Z"'), "with an offset", id="a-text"),
    pytest.param(entry("shop", "rows_per_second = 0"), "from 0.001", id="rate-of-0"),
    pytest.param(entry("shop", "rows_per_second = nan"), "from 0.001", id="rate-of-nan"),
    pytest.param(entry("shop", "rows_per_second = inf"), "from 0.001", id="rate-without-end"),
    pytest.param(entry("shop", "rows_per_second = true"), "from 0.001", id="rate-that-is-true"),
    pytest.param(entry("one") + entry("two", key=secret("one")), "each key once", id="twice"),
    pytest.param(
        entry("shop", "rows_per_second = 5") + entry("shop", key=secret("new")),
        "the same rows_per_second",
        id="two-limits-of-a-name",
    ),
    pytest.param("key = " + "[" * 5_000, "TOML", id="nested"),
    pytest.param(
        "".join(entry(f"n{k}") for k in range(MOST_KEYS + 1)), f"at most {MOST_KEYS} keys", id="many"
    ),
]


@pytest.mark.parametrize(("content", "words"), UNFIT)
def test_what_is_wrong_is_named_without_a_word_of_any_key(content: str, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        found(content)
    said = str(refused.value).replace("secret of mine", "")
    assert words.replace("'", "") in said.replace("'", "")
    assert "secret" not in said


def test_a_file_is_read_up_to_a_size(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes(b"#" * MOST_BYTES)
    assert len(read(path)) == MOST_BYTES
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(SettingsError, match=f"at most {MOST_BYTES} bytes"):
        read(path)


WHOLE = (entry("shop", "expires = 2027-01-31T00:00:00Z", "rows_per_second = 5") + entry("warehouse")).encode()


@settings(max_examples=examples(200), deadline=None)
@given(
    st.binary(max_size=300)
    | st.tuples(st.integers(0, len(WHOLE)), st.binary(max_size=5), st.integers(0, len(WHOLE))).map(
        lambda cut: WHOLE[: cut[0]] + cut[1] + WHOLE[cut[2] :]
    ),
    st.sampled_from([PLAIN, TOML]),
)
def test_any_content_is_keys_or_an_error_that_tells_none(content: bytes, path: Path) -> None:
    said, entries = "", ()
    try:
        entries = entries_of(content, path)
    except SettingsError as error:
        said = str(error)
    assert bool(said) != bool(entries)
    assert "secret-of" not in said
    assert all(len(one.digest) == 32 and one.roles for one in entries)
