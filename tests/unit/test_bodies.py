"""Small bodies are refused at a cost independent of their members."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from callboard.api.bodies import Nothing, parse_body
from callboard.api.jobs.submission import parse_submission
from callboard.api.problems.problem import Problem


def test_a_small_body_with_very_many_members_is_refused_in_one_sentence() -> None:
    with pytest.raises(Problem) as refused:
        parse_body(Nothing, dict.fromkeys(map(str, range(101)), 0))

    assert refused.value.members["errors"] == [
        {"pointer": "", "detail": "has more than 100 members"}
    ]


@pytest.mark.parametrize("body", [None, 1, "{}", [1]])
@pytest.mark.parametrize("parse", [partial(parse_body, Nothing), parse_submission])
def test_a_body_that_is_no_object_is_refused_without_a_name_of_ours(
    parse: Callable[[Any], object], body: Any
) -> None:
    with pytest.raises(Problem) as refused:
        parse(body)

    assert refused.value.members["errors"] == [{"pointer": "", "detail": "must be an object"}]
