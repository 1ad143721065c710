"""Names that operations have in the document: no two are alike, however a generator spells them."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from callboard.api.description import Schema, named

SUFFIXES: Final = ("Parameters", "Result", "Submission", "Form", "Job", "Schedule")
"""Of the schemas that an operation may have besides those of its own types."""

_DEFS: Final = "#/$defs/"


def pascal(name: str) -> str:
    """Write an operation's name as that of a schema: `gene_clustering` as `GeneClustering`."""
    return "".join(word.capitalize() for word in name.split("_"))


def prefixes(operations: Mapping[str, Iterable[Schema]], fixed: Collection[str]) -> dict[str, str]:
    """Choose for each operation what the names of its schemas begin with.

    `file` would write over the server's own `FileForm`, and `load_2` over `load2`: generators
    take no notice of case and underscores, and write one class over the other.

    Args:
        operations: by name, in an order that stays, with the schemas of their own.
        fixed: names that the document has anyway.
    """
    taken = {_spelt(name) for name in fixed}
    chosen = {}
    for name, schemas in operations.items():
        ends = [*SUFFIXES, *inner_names("", schemas).values()]
        prefix = pascal(name)
        while taken & (made := {_spelt(prefix + end) for end in ends}):
            prefix += "Operation"
        taken |= made
        chosen[name] = prefix
    return chosen


def inner_names(prefix: str, schemas: Iterable[Schema]) -> dict[tuple[int, str], str]:
    """Name the definitions within an operation's schemas, by the schema's number and their own.

    Args:
        prefix: of the operation.
        schemas: of its parameters and its result.
    """
    taken = {_spelt(end) for end in SUFFIXES}
    found = {}
    for number, (schema, kind) in enumerate(zip(schemas, ("", "Result"), strict=True)):
        for own in schema.get("$defs", {}):
            name = kind + own
            while _spelt(name) in taken:
                name += "Type"
            taken.add(_spelt(name))
            found[number, own] = prefix + name
    return found


def renamed(schema: Schema, names: Mapping[str, str]) -> Schema:
    """Have the references of one schema's own keywords mean schemas of the document.

    A discriminator refers to them as well, by the values of a property.
    """
    changed = dict(schema)
    if "$ref" in schema:
        changed["$ref"] = _place(schema["$ref"], names)
    mapping: Any = schema.get("discriminator", {})
    if isinstance(mapping, dict) and "mapping" in mapping:
        places = {value: _place(each, names) for value, each in mapping["mapping"].items()}
        changed["discriminator"] = {**mapping, "mapping": places}
    return changed


def _place(reference: str, names: Mapping[str, str]) -> str:
    if not reference.startswith(_DEFS):
        return reference
    own = reference.removeprefix(_DEFS)
    return str(named(names.get(own, own))["$ref"])


def _spelt(name: str) -> str:
    return "".join(sign for sign in name.lower() if sign.isalnum())
