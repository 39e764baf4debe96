"""Library and cards, as the requests of these names tell them."""

from collections import Counter
from typing import Any

import msgspec

from ...analysis.cards import list_cards, model_folders
from ...music.errors import UnknownNameError
from . import options as o
from .given import Given, Tell


def library(given: Given, options: o.ListLibrary, tell: Tell) -> dict[str, Any]:
    """Items and how many there are."""
    items, total = given.library.items(options.search, options.limit)
    return {"items": msgspec.to_builtins(items), "total": total}


def cards(given: Given, options: o.ListCards, tell: Tell) -> dict[str, Any]:
    """The cards by name; one whose name others share is called by its room as well."""
    found = [
        (folder.parent.name, card) for folder in model_folders() for card in list_cards(folder)
    ]
    uses = Counter(card.name for _, card in found)
    named = {
        card.name if uses[card.name] == 1 else f"{room}/{card.name}": msgspec.to_builtins(card)
        for room, card in found
    }
    if options.name and options.name not in named:
        raise UnknownNameError("card", options.name, named)
    return {name: card for name, card in named.items() if options.name in ("", name)}
