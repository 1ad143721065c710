"""A module of operations whose import takes longer than anybody waits."""

import threading

threading.Event().wait(120)
