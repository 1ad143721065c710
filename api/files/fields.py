"""Converts the plain fields of a form to parameters, by the operation's schema."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from callboard.api.description import Schema

_DEFS: Final = "#/$defs/"
_WORDS: Final[Mapping[type, str]] = {
    bool: "boolean",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}


class Fields:
    """Converts texts to the parameters of one operation.

    A text stays a text wherever the schema accepts one. Elsewhere it is parsed as JSON: `3`,
    `true`, `null`, `[1, 2]`, `{"a": 1}`. A text that fits nothing stays a text, which validation
    then refuses with an error about the parameter.

    Args:
        schema: pydantic's schema of all parameters.
        parse: parses JSON; raises `malformed` for other texts.
        malformed: the exception for texts that are not JSON.
    """

    def __init__(
        self, schema: Schema, parse: Callable[[bytes], Any], malformed: type[Exception]
    ) -> None:
        self._properties: Mapping[str, Schema] = schema.get("properties", {})
        self._definitions: Mapping[str, Schema] = schema.get("$defs", {})
        self._parse = parse
        self._malformed = malformed

    def __contains__(self, name: str) -> bool:
        return name in self._properties

    def names(self) -> str:
        """Return the names of the parameters, for the end of a sentence."""
        *others, last = self._properties or ("none",)
        return f"{', '.join(others)} and {last}" if others else last

    def is_list(self, name: str) -> bool:
        """Return whether a parameter may be given several times."""
        return any(each.get("type") == "array" for each in self._choices(self._properties[name]))

    def value(self, name: str, texts: Sequence[str]) -> Any:
        """Convert the texts given for a parameter: one or, for a list, several."""
        schema = self._properties[name]
        if not self.is_list(name):
            return self._one(schema, texts[0])
        if len(texts) == 1 and isinstance(whole := self._one(schema, texts[0]), list | type(None)):
            return whole
        choices = [each for each in self._choices(schema) if each.get("type") == "array"]
        item = {"anyOf": [each.get("items", {}) for each in choices]}
        return [self._one(item, text) for text in texts]

    def _one(self, schema: Schema, text: str) -> Any:
        choices = list(self._choices(schema))
        types = {name for each in choices for name in _types(each)}
        listed = [value for each in choices for value in _listed(each)]
        if text in listed or "string" in types or not types | set(map(repr, listed)):
            return text
        try:
            value = self._parse(text.encode())
        except self._malformed:
            return text
        word = _WORDS.get(type(value), "string")
        fits = word in types or any(value == one for one in listed)
        return value if fits else text

    def _choices(self, schema: Schema, seen: frozenset[str] = frozenset()) -> Iterator[Schema]:
        """Return the alternatives of a schema."""
        reference = schema.get("$ref", "")
        if reference and reference not in seen:
            known = self._definitions.get(reference.removeprefix(_DEFS), {})
            yield from self._choices(known, seen | {reference})
        inner = [each for key in ("anyOf", "oneOf", "allOf") for each in schema.get(key, ())]
        for each in inner:
            yield from self._choices(each, seen)
        if not reference and not inner:
            yield schema


def _types(schema: Schema) -> set[str]:
    given = schema.get("type", ())
    words = {given} if isinstance(given, str) else set(given)
    # An enumeration does not accept any text.
    words -= {"string"} if _listed(schema) else set()
    return {"number" if word == "integer" else word for word in words}


def _listed(schema: Schema) -> list[Any]:
    return [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
