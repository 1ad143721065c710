"""Read plain fields of a form as an operation's schema has its parameters."""

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
    """The parameters of one operation, as texts may give them.

    A text stands for itself wherever the schema takes a text. Elsewhere it is the JSON of what
    the schema wants: `3`, `true`, `null`, `[1, 2]`, `{"a": 1}`. What fits nothing stays a text,
    which whoever validates refuses with a word about the parameter.

    Args:
        schema: of all parameters, as pydantic writes it.
        parse: reads JSON; raises what the caller is to see of a text that is none.
        malformed: what that is.
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
        """Name the parameters that there are, for the end of a sentence."""
        *others, last = self._properties or ("none",)
        return f"{', '.join(others)} and {last}" if others else last

    def is_list(self, name: str) -> bool:
        """Whether a parameter may be given several times."""
        return any(each.get("type") == "array" for each in self._choices(self._properties[name]))

    def value(self, name: str, texts: Sequence[str]) -> Any:
        """Read what was given for a parameter, once or, for a list, several times."""
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
        """Give the schemas of which one is to fit; those that others are made of come apart."""
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
    # What is one of a few values is no text of any kind.
    words -= {"string"} if _listed(schema) else set()
    return {"number" if word == "integer" else word for word in words}


def _listed(schema: Schema) -> list[Any]:
    return [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
