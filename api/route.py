"""A route: where, what answers, and who may ask."""

from collections.abc import Mapping
from dataclasses import dataclass

from callboard.config import Role


@dataclass(frozen=True)
class Route:
    """One address.

    Attributes:
        template: its path.
        resource: what answers.
        roles: the role that each method needs, None for everybody; HEAD is as GET.
    """

    template: str
    resource: object
    roles: Mapping[str, Role | None]
