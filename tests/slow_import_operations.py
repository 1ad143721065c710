"""A module of operations whose import exceeds every timeout."""

import threading

threading.Event().wait(120)
