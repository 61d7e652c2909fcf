"""Pools of invented names and texts. Nobody is meant; letters of several alphabets and characters that JSON escapes are."""

from __future__ import annotations

import unicodedata

__all__ = ["COMPANIES", "DESCRIPTIONS", "FIRST_NAMES", "LAST_NAMES", "in_address"]

_FIRST = """
Åse Øystein Bjørn Anne-Grethe Kåre Solveig Sigrún Þór Ingrid Håkon Synnøve Máret Áilu Torbjørn Ragnhild Jørn
Lars Kari Ola Nora Emil Sofie Jakob Ella Oskar Maja Filip Leah Henrik Iben Trygve Astrid
Gunnar Liv Einar Unni Roar Turid Odd Wenche Sverre Bodil Terje Gro Vidar Hege Arvid Tone
Łukasz Zoë Renée José Ümit Şeyma Nguyễn Dvořák-Anna Ioana Mătăsaru Aleksi Säde Joäo Fátima Çağla Siân
"""
_LAST = """
Oppdiktedal Tenkestad Fantasivik Luftslottnes Drømmehaug Skrønebakken Påfunnstø Eventyrmo Diktsrud Løgnaskjær
Sandkassen Lekegrind Prøvestein Testland Tulledal Ævintyrsson Øvelsrud Åndenes-Prøve Narrefoss Spillemyr
Gjetterud Kulissberg Maskeråd Teatervold Revyhaugen Marionettsen Statistmo Rekvisittrud Sceneskog Sufflørvik
Vrøvlestad Innbilningsnes Hjernespinnrud Påskudal Utenforhaug Ingenmannsdatter Hvemsomhelst Intetsteds Bortigard Langtvekkmo
Forsøksvik Modellrud Mønsterås Skissedal Utkastnes Kladdeberg Blyantsrud Viskelærmo Linjalsen Passerdal
Šablonskí Örnekoğlu Przykładowski Esimerkkilä Dæmisdóttir Exempelström Modelová Ví-Dụ Próbátil Ejemplázquez
Voorbeeldsma D'Exemplo Beispielhuber O'Sample
"""
FIRST_NAMES = tuple(_FIRST.split())
LAST_NAMES = tuple(_LAST.split())
"""Sixty-four each, so that six bits choose one."""
COMPANIES = (
    "Oppdiktet Strøm AS",
    "Sandkasse Utleie AS",
    "Påfunn & Sønner ANS",
    "Fantasi Tannhelse AS",
    "Luftslott Bolig SA",
    "Skrønebakken Treningssenter AS",
    "Eventyrets Elbillading AS",
    "Testland Kommunale Parkering KF",
)
DESCRIPTIONS = (
    "Husleie januar – leilighet H0203",  # noqa: RUF001  # people write dashes
    'Abonnement "Fri bruk", 3 måneder',
    "Strøm uke 12/13 · måler № 70",
    "Årsavgift båtplass Ø-17 🚤",
    "Tannbehandling\nFlere timer",
    "Parkering ≥ 2 timer <sone 4>",
    "Kontingent\tunge voksne",
    "Faktura 100 % forfalt – purring sendt 📬",  # noqa: RUF001  # likewise
)

_SPELT = str.maketrans({"ø": "o", "æ": "ae", "ł": "l", "þ": "th"})


def in_address(name: str) -> str:
    """Return a name as it may stand in an e-mail address."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(_SPELT))
    return "".join(letter for letter in plain if letter.isascii() and (letter.isalnum() or letter == "-"))
