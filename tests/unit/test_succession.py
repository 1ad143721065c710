"""The generations of web processes, as their master and they themselves see them."""

import os

from callboard.config.succession import Succession


def test_a_generation_is_succeeded_only_once_a_younger_one_serves() -> None:
    succession = Succession()
    first = succession.generation
    succession.serve(first)

    succession.begin_generation()
    begun = (succession.has_heir(first), succession.is_succeeded(first))
    succession.serve(succession.generation)
    served = (succession.has_heir(first), succession.is_succeeded(first))

    assert begun == (True, False)
    assert served == (True, True)


def test_a_process_of_an_older_generation_that_begins_late_takes_nothing_back() -> None:
    succession = Succession()
    succession.begin_generation()
    succession.serve(1)

    succession.serve(0)

    assert succession.is_succeeded(0)


def test_one_that_is_replaced_while_it_starts_leaves_the_older_to_wait_for_its_heir() -> None:
    succession = Succession()
    succession.begin_generation()
    replaced = succession.generation
    succession.begin_generation()

    succession.start(replaced, staying=False)
    meanwhile = succession.is_succeeded(0)
    succession.start(succession.generation, staying=True)

    assert not meanwhile
    assert succession.is_succeeded(0)


def test_nobody_waits_for_one_that_is_told_to_stop_while_it_starts_when_none_follows() -> None:
    succession = Succession()
    succession.begin_generation()

    succession.start(succession.generation, staying=False)

    assert succession.is_succeeded(0)


def test_what_a_forked_process_says_is_seen_by_the_others() -> None:
    succession = Succession()
    succession.begin_generation()

    child = os.fork()
    if child == 0:
        succession.serve(1)
        os._exit(0)
    os.waitpid(child, 0)

    assert succession.is_succeeded(0)
