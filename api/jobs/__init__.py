"""Jobs over HTTP: submit, list, look, wait, cancel, retry, log and result."""
