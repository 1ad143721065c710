"""The generations of web processes, as their master and they themselves see them."""

import os

from callboard.ops.servers.generations import Generations


def test_a_generation_is_succeeded_only_once_a_younger_one_serves() -> None:
    generations = Generations()
    first = generations.generation
    generations.serve(first)

    generations.begin_generation()
    begun = (generations.has_successor(first), generations.is_succeeded(first))
    generations.serve(generations.generation)
    served = (generations.has_successor(first), generations.is_succeeded(first))

    assert begun == (True, False)
    assert served == (True, True)


def test_a_process_of_an_older_generation_that_begins_late_takes_nothing_back() -> None:
    generations = Generations()
    generations.begin_generation()
    generations.serve(1)

    generations.serve(0)

    assert generations.is_succeeded(0)


def test_one_that_is_replaced_while_it_starts_leaves_the_older_to_wait_for_its_heir() -> None:
    generations = Generations()
    generations.begin_generation()
    replaced = generations.generation
    generations.begin_generation()

    generations.start(replaced, staying=False)
    meanwhile = generations.is_succeeded(0)
    generations.start(generations.generation, staying=True)

    assert not meanwhile
    assert generations.is_succeeded(0)


def test_nobody_waits_for_one_that_is_told_to_stop_while_it_starts_when_none_follows() -> None:
    generations = Generations()
    generations.begin_generation()

    generations.start(generations.generation, staying=False)

    assert generations.is_succeeded(0)


def test_what_a_forked_process_says_is_seen_by_the_others() -> None:
    generations = Generations()
    generations.begin_generation()

    child = os.fork()
    if child == 0:
        generations.serve(1)
        os._exit(0)
    os.waitpid(child, 0)

    assert generations.is_succeeded(0)
