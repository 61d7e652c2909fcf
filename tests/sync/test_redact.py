"""Redaction: nothing of what is taken out stays, and nothing else changes."""

from __future__ import annotations

import json
import pickle
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json as fast

from amili_async.errors import ConfigError, DecodeError
from amili_async.structs import decode
from amili_async.sync import Redaction

PLAIN = Redaction(("identificationNumber", "email"))
KEYED = Redaction(("identificationNumber", "email"), key=b"secret of the test")


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (b'{"email":"a@b.c","n":1.10}', b'{"email":null,"n":1.10}'),
        (b'{"n": 1.10, "email" : "a@b.c" }', b'{"n": 1.10, "email" : null }'),
        (b'{"email":null}', b'{"email":null}'),
        (b'{"email":12.50,"x":1E5}', b'{"email":null,"x":1E5}'),
        (b'{"email":true}', b'{"email":null}'),
        (b'{"debtors":[{"email":"x"},{"Email":"y"}]}', b'{"debtors":[{"email":null},{"Email":null}]}'),
        (
            b'{"identification_number":"1","IdentificationNumber":"2"}',
            b'{"identification_number":null,"IdentificationNumber":null}',
        ),
        (b'{"email":["a@b.c"],"n":1.10}', b'{"email":null,"n":1.10}'),
        (b'{"email":{"home":"a@b.c"},"n":[1.10]}', b'{"email":null,"n":[1.10]}'),
        (b'{"em\\u0061il":"a@b.c","n":1.10}', b'{"email":null,"n":1.10}'),
        (b'{"note":"\\"email\\": \\"kept\\"","email":"a\\"b"}', b'{"note":"\\"email\\": \\"kept\\"","email":null}'),
        (b'{"note":"email","x":"e\\u0061"}', b'{"note":"email","x":"e\\u0061"}'),
        (b'{"emails":"kept","my_email":"kept"}', b'{"emails":"kept","my_email":"kept"}'),
        (b'{"a\\\\":1,"email":"x"}', b'{"a\\\\":1,"email":null}'),
        (b'[{"email":"x"}]', b'[{"email":null}]'),
        (b"null", b"null"),
        (b'"email"', b'"email"'),
        (b"{}", b"{}"),
        (b'{"email":"\xff"}', b'{"email":null}'),
        (b'{"\xff":1,"em\\u0061il":"x"}', '{"\ufffd":1,"email":null}'.encode()),
    ],
)
def test_values_are_taken_out(row, wanted):
    """A value goes wherever its name stands, however that is written; all other bytes stay."""
    assert PLAIN.apply(row) == wanted


def test_hashes():
    """With a key the same value gives the same hash, however it is written; another key gives another."""
    one, two = KEYED.apply(b'{"email":"\xc3\xb8@b.c"}'), KEYED.apply(b'{"email":"\\u00f8@b.c"}')
    assert one == two
    assert len(json.loads(one)["email"]) == 32
    assert Redaction(("email",), key=b"another one for it").apply(b'{"email":"\xc3\xb8@b.c"}') != one
    assert KEYED.apply(b'{"email":null,"identificationNumber":12}') != KEYED.apply(b'{"email":null,"identificationNumber":13}')
    assert json.loads(KEYED.apply(b'{"email":null}')) == {"email": None}
    assert json.loads(KEYED.apply(b'{"email":["a"]}'))["email"] != json.loads(KEYED.apply(b'{"email":["b"]}'))["email"]
    assert len(json.loads(KEYED.apply(b'{"email":"\xff"}'))["email"]) == 32


def test_what_cannot_be_looked_through_is_not_kept():
    """A row that is nested too deeply to be looked through is refused, not passed on."""
    deep = b'{"em\\u0061il":1,"a":' * 2_000 + b"1" + b"}" * 2_000
    with pytest.raises(DecodeError, match="was not kept"):
        PLAIN.apply(deep)


names = st.sampled_from(["email", "Email", "identification_number", "identificationNumber", "emai", "x", 'e"m', "e\\", "ø"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(['"email":', "SECRET", '\\"email":"SECRET"']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def _without(value):
    if isinstance(value, dict):
        return {
            name: None if name.replace("_", "").lower() in {"email", "identificationnumber"} else _without(member)
            for name, member in value.items()
        }
    return [_without(element) for element in value] if isinstance(value, list) else value


@given(st.dictionaries(names, values, max_size=5), st.booleans(), st.sampled_from([None, 1]))
def test_redaction_is_exact(row, ascii_only, indent):
    """Whatever the row and however it is written: what remains is the row without those values."""
    text = json.dumps(row, ensure_ascii=ascii_only, indent=indent)
    try:
        body = text.encode()
    except UnicodeEncodeError:
        body = json.dumps(row).encode()
    assert json.loads(PLAIN.apply(body)) == _without(row)


def test_digits_stay():
    """Amounts keep their digits, also in a row that is taken apart."""
    row = b'{"email":{},"a":12345678901234567890.10,"b":1.000,"c":[0.1]}'
    assert decode(PLAIN.apply(row)) == {
        "email": None,
        "a": Decimal("12345678901234567890.10"),
        "b": Decimal("1.000"),
        "c": [Decimal("0.1")],
    }
    assert b"12345678901234567890.10" in PLAIN.apply(row)


def test_settings():
    """Names are checked; the key shows nowhere; it covers every way to write a name."""
    for wrong in ((), ("",), "email", ("_",), (5,), ("ø",), ("debtors.email",)):
        with pytest.raises(ConfigError, match="must be names"):
            Redaction(wrong)
    for key in (b"", b"x" * 15, b"x" * 65, "a text of 20 letters"):
        with pytest.raises(ConfigError, match="16 to 64 bytes"):
            Redaction(key=key)
    assert "secret" not in repr(KEYED) + str(KEYED)
    assert str(PLAIN) == "without email, identificationNumber"
    assert str(KEYED) != str(Redaction(KEYED.fields, key=b"another one for it"))
    assert KEYED.covers("Identification_Number")
    assert not KEYED.covers("caseId")
    assert pickle.loads(pickle.dumps(KEYED)).apply(b'{"email":"x"}') == KEYED.apply(b'{"email":"x"}')  # noqa: S301  # our own
    assert fast.decode(KEYED.apply(b'{"email":"x"}'))["email"] == fast.decode(KEYED.apply(b'{"EMAIL":"x"}'))["EMAIL"]
