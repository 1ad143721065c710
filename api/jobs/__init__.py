"""Jobs over HTTP: submit, list, read, wait, cancel, retry, log and result."""
