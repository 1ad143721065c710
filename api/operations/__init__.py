"""Operations over HTTP: list, look, submit, pause."""
