"""Norwegian numbers with valid check digits, all from ranges that belong to nobody."""

from __future__ import annotations

__all__ = ["account_number", "kid", "mod11", "national_id", "organization_number"]

ORGANIZATION_WEIGHTS = (3, 2, 7, 6, 5, 4, 3, 2)
ACCOUNT_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
FIRST_WEIGHTS = (3, 7, 6, 1, 8, 9, 4, 5, 2)
SECOND_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


def mod11(digits: str, weights: tuple[int, ...]) -> int:
    """Return the check digit by modulus 11; 10 means that there is none, so that the number must not be used."""
    return -sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11


def organization_number(value: int) -> str:
    """Return an organization number that begins with 3, as those of the tax administration's invented companies do."""
    while (check := mod11(digits := f"3{value % 10**7:07d}", ORGANIZATION_WEIGHTS)) == 10:
        value += 1
    return f"{digits}{check}"


def account_number(value: int) -> str:
    """Return an account number in a bank register number that no bank has."""
    while (check := mod11(digits := f"0001{value % 10**6:06d}", ACCOUNT_WEIGHTS)) == 10:
        value += 1
    return f"{digits}{check}"


# The sums behind the check digits are linear, so each part of the number adds its own: (text, first sum, second sum).
def _parts(texts: list[str], at: int) -> tuple[tuple[str, int, int], ...]:
    return tuple(
        (
            text,
            sum(int(digit) * FIRST_WEIGHTS[at + place] for place, digit in enumerate(text)),
            sum(int(digit) * SECOND_WEIGHTS[at + place] for place, digit in enumerate(text)),
        )
        for text in texts
    )


_DAYS = _parts([f"{day:02d}" for day in range(1, 29)], 0)
_MONTHS = _parts([f"{month + 80:02d}" for month in range(1, 13)], 2)
_YEARS = _parts([f"{year:02d}" for year in range(40, 100)], 4)
_PERSONS = _parts([f"{person:03d}" for person in range(500)], 6)


def national_id(value: int) -> str:
    """Return a synthetic national identity number: 80 is added to the month, which no real one has."""
    value, at = divmod(value, len(_DAYS))
    day, day_first, day_second = _DAYS[at]
    value, at = divmod(value, len(_MONTHS))
    month, month_first, month_second = _MONTHS[at]
    value, at = divmod(value, len(_YEARS))
    year, year_first, year_second = _YEARS[at]
    while True:
        person, first, second = _PERSONS[value % len(_PERSONS)]
        check = -(day_first + month_first + year_first + first) % 11
        last = -(day_second + month_second + year_second + second + 2 * check) % 11
        if check < 10 and last < 10:
            return f"{day}{month}{year}{person}{check}{last}"
        value += 1


_PAIRS = tuple(high + (2 * low if low < 5 else 2 * low - 9) for high in range(10) for low in range(10))
_QUADS = tuple(high + low for high in _PAIRS for low in _PAIRS)


def kid(value: int) -> str:
    """Return a payment reference (KID) of 13 digits that ends with a check digit by modulus 10."""
    total = _QUADS[value // 10**8] + _QUADS[value // 10**4 % 10**4] + _QUADS[value % 10**4]
    return f"{value:012d}{-total % 10}"
