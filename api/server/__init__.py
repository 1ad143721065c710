"""The server itself over HTTP: health, workers, documents and pages."""
