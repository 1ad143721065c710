"""The schemas of answers, from the types of what renders them."""

from collections.abc import Iterable
from types import GenericAlias
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from callboard.api.description import Schema
from callboard.api.openapi.shapes import nullable

_SUFFIX: Final = "Object"
_REFERENCE: Final = "#/components/schemas/"
_VERBATIM: Final = frozenset({"enum", "const", "default", "examples", "pattern"})


class _Generator(GenerateJsonSchema):
    """Writes schemas as the document has them: objects are closed, null is a type."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return nullable(self.generate_inner(schema["schema"]))

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return {"type": "string", "enum": list(schema["expected"])}

    def union_schema(self, schema: core_schema.UnionSchema) -> JsonSchemaValue:
        return {"oneOf": super().union_schema(schema)["anyOf"]}

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        return {**super().typed_dict_schema(schema), "additionalProperties": False}

    def normalize_name(self, name: str) -> str:
        return super().normalize_name(name).removesuffix(_SUFFIX)


def schema_name(answer: Any) -> str:
    """Return the name of the schema of an answer: its type's, or the name that stands for it."""
    return answer if isinstance(answer, str) else str(answer.__name__).removesuffix(_SUFFIX)


def answer_schemas(types: Iterable[Any]) -> dict[str, Schema]:
    """Write the schemas of answers, and of all that they consist of, by name.

    Args:
        types: of answers; a type within, whose name begins with an underscore, has no name in the
            document.
    """
    # As one type: what several answers consist of is looked at once.
    every: Any = GenericAlias(tuple, tuple(types))
    written = TypeAdapter(every).json_schema(
        mode="serialization", ref_template=_REFERENCE + "{model}", schema_generator=_Generator
    )
    found: dict[str, Schema] = written["$defs"]
    private = {name: each for name, each in found.items() if name.startswith("_")}
    return {name: _tidy(each, private) for name, each in found.items() if name not in private}


def _tidy(schema: Any, private: dict[str, Schema]) -> Any:
    """Leave out titles and line breaks, and write private types where they are used."""
    if isinstance(schema, list):
        return [_tidy(each, private) for each in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).removeprefix(_REFERENCE)
    if name in private:
        return _tidy(private[name], private)
    copied = {
        key: value if key in _VERBATIM else _tidy(value, private)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }
    if isinstance(copied.get("description"), str):
        copied["description"] = copied["description"].replace("\n", " ")
    return copied
