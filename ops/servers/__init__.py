"""What gunicorn and waitress need to serve the application: configuration, connections, limits."""
