"""A route: its path, its resource and its roles."""

from collections.abc import Mapping
from dataclasses import dataclass

from callboard.config import Role


@dataclass(frozen=True)
class Route:
    """A route.

    Attributes:
        template: its path.
        resource: its resource.
        roles: the role that each method needs; None for everyone; HEAD counts as GET.
        tag: the module that adds it; None for one of Callboard's own.
    """

    template: str
    resource: object
    roles: Mapping[str, Role | None]
    tag: str | None = None
