"""`docs/asyncapi.json` is what the types say."""

import json
from pathlib import Path

from segue.client.schema import asyncapi

PAGE = Path(__file__).parents[2] / "docs" / "asyncapi.json"


def test_the_document_is_the_one_that_the_types_make() -> None:
    assert json.loads(PAGE.read_text(encoding="utf-8")) == asyncapi(), (
        "write it anew: segue protocol > docs/asyncapi.json"
    )


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi()

    def follow(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(target := node.get("$ref"), str):
                found: object = document
                for part in target.removeprefix("#/").split("/"):
                    assert isinstance(found, dict)
                    found = found[part]
            for value in node.values():
                follow(value)
        elif isinstance(node, list):
            for value in node:
                follow(value)

    follow(document)
