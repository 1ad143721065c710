"""Operations over HTTP: list, read, submit, pause."""
