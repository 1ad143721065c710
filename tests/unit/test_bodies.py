"""Small bodies are refused at a cost independent of their members."""

import pytest

from callboard.api.bodies import Nothing, parse_body
from callboard.api.problems.problem import Problem


def test_a_small_body_with_very_many_members_is_refused_in_one_sentence() -> None:
    with pytest.raises(Problem) as refused:
        parse_body(Nothing, dict.fromkeys(map(str, range(101)), 0))

    assert refused.value.members["errors"] == [
        {"pointer": "", "detail": "has more than 100 members"}
    ]
