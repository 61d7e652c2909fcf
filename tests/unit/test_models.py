"""The models of the Collection and Identity APIs: what they insist on, let through, and hide."""

from __future__ import annotations

import gc
import subprocess
import sys
from datetime import datetime  # msgspec reads the annotations at run time
from decimal import Decimal
from pathlib import Path

import msgspec
import msgspec.inspect
import pytest
from rich.pretty import pretty_repr

import amili_async
from amili_async.collection import models as collection
from amili_async.collection.models import (
    Batch,
    BatchAccepted,
    BatchStatus,
    Case,
    CaseAccountDetails,
    Currency,
    Debtor,
    Invoice,
    LegacyBatch,
    LegacyBatchStatus,
    Settlement,
)
from amili_async.identity import models as identity
from amili_async.identity.models import TokenResponse
from amili_async.structs import Model, OpenEnum, OpenObject, decode_item, encode

MODELS = [
    found
    for module in (collection, identity)
    for name in module.__all__
    if isinstance(found := getattr(module, name), type) and issubclass(found, Model)
]
REQUIRED = {
    Case: ["caseId"],
    Batch: ["batchId"],
    BatchAccepted: ["batchId"],
    LegacyBatch: ["batchId"],
    Invoice: ["id"],
    TokenResponse: ["access_token"],
}

SECRETS = {
    "debtorNumber": "D-4711",
    "customerNumber": "C-4712",
    "firstName": "Kari",
    "lastName": "Nordmann",
    "fullName": "Kari Nordmann",
    "identificationNumber": "01019012345",
    "email": "kari@example.test",
    "phone": "+4799999999",
}
CASE = {
    "caseId": "af51d69f",
    "caseNumber": 5000001,
    "status": "OPEN",
    "description": "owes for a gym",
    "caseToken": "t0k3n-of-case",
    "registeredAt": "2026-01-31T10:00:00.123Z",
    "remainingAmount": 1250.50,
    "invoices": [{"invoiceId": "4f163819", "currency": {}, "originalAmount": 1000}],
    "debtors": [{"debtorId": "0e24973d", "type": "PRIVATE", **SECRETS}],
    "claims": [{"type": "PRINCIPAL", "currency": "NOK", "remainingAmount": 1000.00}],
    "caseAccountDetails": {
        "bankAccountDetails": {"accountType": "UNKNOWN", "accountNumber": "86011117947"},
        "paymentReference": "0000123456782",
    },
}
CASE_SECRETS = [*SECRETS.values(), "owes for a gym", "t0k3n-of-case", "86011117947", "0000123456782"]


def read(kind, **fields):
    """Decode an object as it comes from the wire."""
    return decode_item(msgspec.json.encode(fields), kind)


@pytest.fixture
def case():
    """Give a decoded case with all its parts."""
    return read(Case, **CASE)


@pytest.mark.parametrize("model", MODELS)
def test_little_is_required(model):
    """A model insists only on what the API cannot work without."""
    required = [field.encode_name for field in msgspec.inspect.type_info(model).fields if field.required]
    assert required == REQUIRED.get(model, [])


@pytest.mark.parametrize("model", MODELS)
def test_null_is_absence(model):
    """Every optional field may be null or missing, which is the same, and unknown fields are passed over."""
    fields = msgspec.inspect.type_info(model).fields
    least = {field.encode_name: "x" for field in fields if field.required}
    nulls = {field.encode_name: None for field in fields if not field.required}
    assert read(model, **least, **nulls, brandNew={"a": [1]}) == read(model, **least)


@pytest.mark.parametrize("model", [Case, Batch, LegacyBatch, Invoice, TokenResponse])
def test_without_its_id_nothing_works(model):
    """An object without what identifies it is refused."""
    with pytest.raises(msgspec.ValidationError, match="missing required field"):
        read(model)


@pytest.mark.parametrize("model", MODELS)
def test_models_are_immutable_and_untracked(model):
    """Every model is frozen and outside the garbage collector, and lists are tuples."""
    config = model.__struct_config__
    assert (config.frozen, config.gc) == (True, False)
    kinds = [kind for field in msgspec.inspect.type_info(model).fields for kind in getattr(field.type, "types", [field.type])]
    assert not any(isinstance(kind, msgspec.inspect.ListType | msgspec.inspect.DictType) for kind in kinds)


def test_the_collector_does_not_see_cases(case):
    """None of the objects that a case is made of costs the garbage collector time."""
    details = case.case_account_details
    parts = [case, *case.invoices, *case.debtors, *case.claims, details, details.bank_account_details]
    assert [gc.is_tracked(part) for part in parts] == [False] * 6


@pytest.mark.parametrize("model", [model for model in MODELS if model.__personal__])
def test_masks_name_fields(model):
    """What is masked exists: a misspelt name would mask nothing."""
    assert model.__personal__ <= set(model.__struct_fields__)


def test_personal_data_is_not_shown(case):
    """Neither `repr` nor `str` nor rich shows who owes, in any depth; what is harmless is shown."""
    for text in (repr(case), str(case), f"{case}", pretty_repr(case), repr([case]), repr(case.debtors[0])):
        assert not [secret for secret in CASE_SECRETS if secret in text]
        assert "0e24973d" in text
    assert "***" in repr(case.case_account_details)
    assert "***" in repr(case.case_account_details.bank_account_details)


@pytest.mark.parametrize("name", sorted(Debtor.__personal__))
def test_each_mark_of_a_debtor_is_masked(name):
    """Every field that tells who a debtor is is masked by itself, in both representations."""
    debtor = Debtor(**{name: "Kari"})
    assert repr(debtor) == f"Debtor({name}='***')"
    assert list(debtor.__rich_repr__()) == [(name, "***")]


def test_data_itself_is_not_masked(case):
    """Masking is for the eyes: attributes and encoding give the data."""
    assert case.debtors[0].email == "kari@example.test"
    assert b"kari@example.test" in encode(case)


def test_tokens_are_not_shown():
    """The token is masked wherever its answer is printed."""
    answer = read(TokenResponse, access_token="s3cr3t.jwt", expires_in=3600)
    assert "s3cr3t" not in repr(answer) + str(answer) + pretty_repr(answer)
    assert repr(answer) == "TokenResponse(access_token='***', expires_in=3600.0)"


@pytest.mark.parametrize("text", ["3600", '"3600"', "3600.0", '"3599.5"'])
def test_token_numbers_may_be_text(text):
    """Life spans are read from numbers and, leniently, from text."""
    body = f'{{"access_token": "t", "expires_in": {text}}}'
    answer = msgspec.json.decode(body, type=TokenResponse, strict=False)
    assert answer.expires_in == float(text.strip('"'))


@pytest.mark.parametrize("number", [5000001, "5000001", "A-17", 0])
def test_case_numbers_come_in_two_kinds(number):
    """The number of a case is kept as received, number or text."""
    found = read(Case, caseId="x", caseNumber=number).case_number
    assert (found, type(found)) == (number, type(number))
    assert read(Settlement, caseNumber=number, settlementNumber=number).settlement_number == number
    assert read(Invoice, id="x", collectionCaseNumber=number).collection_case_number == number


def test_currency_may_be_an_empty_object(case):
    """A currency is text, or an object that is false, so that a default can stand in."""
    assert case.invoices[0].currency == OpenObject()
    assert (case.invoices[0].currency or "NOK") == "NOK"
    assert case.claims[0].currency is Currency.NOK
    assert read(Settlement, currency={}).currency == OpenObject()
    assert encode(case.invoices[0].currency) == b"{}"


def test_unknown_states_pass():
    """A state that is not documented is kept and marked."""
    found = read(Case, caseId="x", status="SOLD", type="PAYMENT_REMINDER")
    assert (found.status, found.status.known, found.type.known) == ("SOLD", False, True)
    assert b'"status":"SOLD"' in encode(found)


def test_legacy_status_has_two_shapes():
    """The status of an older batch is an object or a plain value."""
    old = read(LegacyBatch, batchId="x", status={"statuscode": 0, "errors": [{"objectindex": 3, "message": "m"}]})
    assert isinstance(old.status, LegacyBatchStatus)
    assert (old.status.statuscode, old.status.errors[0].objectindex) == (0, 3)
    assert read(LegacyBatch, batchId="x", status="QUEUED").status is BatchStatus.QUEUED


@pytest.mark.parametrize("model", [Batch, LegacyBatch])
def test_items_of_a_batch_may_be_null(model):
    """Items of a batch may be null or have fields that nobody knows; their number and order stay."""
    found = read(model, batchId="x", failed=[None, {"why": "no debtor"}], succeeded=[None, {"$type": "invoiceSuccess"}])
    assert found.failed == (None, {"why": "no debtor"})
    assert [item and item.kind for item in found.succeeded] == [None, "invoiceSuccess"]


def test_amounts_are_exact(case):
    """Amounts are Decimal with the digits of the wire."""
    found = decode_item(b'{"caseId":"x","remainingAmount":0.10,"remainingPrincipal":100}', Case)
    assert [str(found.remaining_amount), str(found.remaining_principal)] == ["0.10", "100"]
    assert type(case.claims[0].remaining_amount) is Decimal


@pytest.mark.parametrize("registered", ["2026-01-31T10:00:00Z", "2026-01-31", "2026-01-31 10:00:00"])
def test_projections_decode_what_they_name(registered):
    """A Struct of the user's own takes the fields it names, as the types it names, whatever the dates look like."""

    class Slim(msgspec.Struct, rename="camel"):
        case_id: str
        remaining_amount: float
        registered_at: datetime | None = None
        status: str = ""

    found = read(Slim, **CASE | {"registeredAt": registered})
    assert (found.case_id, found.remaining_amount, found.status) == ("af51d69f", 1250.5, "OPEN")
    assert type(found.remaining_amount) is float
    assert found.registered_at.date().isoformat() == "2026-01-31"


def test_account_details_may_be_empty():
    """An object may come without any field."""
    assert read(Case, caseId="x", caseAccountDetails={}).case_account_details == CaseAccountDetails()


def test_public_names_exist():
    """`__all__` of the models is sorted and complete: every Struct and enum of the module is in it."""
    for module in (collection, identity):
        own = {
            name
            for name, found in vars(module).items()
            if isinstance(found, type) and issubclass(found, Model | OpenEnum) and found.__module__ == module.__name__
        }
        assert own <= set(module.__all__)
        assert list(module.__all__) == sorted(module.__all__)


def test_models_do_not_need_aiohttp():
    """Importing the models imports no HTTP client, so that batch workers and type checkers start fast."""
    code = "import sys, amili_async.collection.models; print({'aiohttp', 'anyio'} & {*sys.modules})"
    root = Path(amili_async.__file__).parents[1]
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "set()", "")
