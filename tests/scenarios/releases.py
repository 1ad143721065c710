"""Two small releases of an ontology of diseases, as a curator would upload them."""

HEADER = "format-version: 1.2\ndata-version: {}\n"
OLD = """
[Term]
id: D:1
name: disease

[Term]
id: D:2
name: heart disease
def: "Of the heart." []
is_a: D:1

[Term]
id: D:3
name: arrythmia
is_a: D:2

[Term]
id: D:4
name: long QT
is_a: D:2

[Term]
id: D:5
name: QT prolongation
is_a: D:2

[Term]
id: D:6
name: dropsy
is_a: D:1

[Term]
id: D:7
name: grippe
is_a: D:1

[Term]
id: D:8
name: quinsy
is_a: D:1
"""
NEW = """
[Term]
id: D:1
name: disease

[Term]
id: D:2
name: heart disease
def: "Of the heart or its vessels." []
is_a: D:1

[Term]
id: D:3
name: arrhythmia
is_a: D:2

[Term]
id: D:4
name: long QT
alt_id: D:5
is_a: D:3

[Term]
id: D:6
name: obsolete dropsy
is_obsolete: true

[Term]
id: D:7
name: obsolete grippe
is_obsolete: true
replaced_by: D:9

[Term]
id: D:9
name: influenza
is_a: D:1
"""


def release(text: str, name: str) -> str:
    """Prepend the header of a release to its terms."""
    return HEADER.format(name) + text
