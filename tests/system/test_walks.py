"""The architecture page states the actual file counts of a job's walks."""

import re

from tests.system.stack import ROOT
from tools.walks import WALKS, walks

HEADING = re.compile(r"^### (\w+): (\d+) files, (\d+) of its own$", re.MULTILINE)
SLACK = 2  # files that a walk passes only sometimes, such as a retry of a lost reply


def test_the_page_states_the_actual_file_count_of_each_walk() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    written = {walk.lower(): (int(files), int(own)) for walk, files, own in HEADING.findall(page)}

    found = walks()

    assert set(written) == set(WALKS)
    for walk, (files, own) in written.items():
        assert abs(len(found[walk]) - files) <= SLACK
        assert abs(len(set(found[walk]) - set(found["request"])) - own) <= SLACK
