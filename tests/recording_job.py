"""A job that records a function's reports, and can be cancelled at a chosen step."""

from callboard import Job


class RecordingJob(Job):
    def __init__(self, cancel_in: str | None = None) -> None:
        super().__init__("0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77", 1)
        self.steps: list[str] = []
        self.lines: list[str] = []
        self.done: dict[str, list[tuple[float, float | None]]] = {}
        self._cancel_in = cancel_in

    def step(self, text: str) -> None:
        self.steps.append(text)
        self.done[text] = []

    def progress(self, current: float, total: float | None = None) -> None:
        self.done[self.steps[-1]].append((current, total))
        if self.steps[-1] == self._cancel_in:
            self.stop()

    def log(self, text: str) -> None:
        self.lines.append(text)
