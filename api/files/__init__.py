"""Files over HTTP: uploads, forms, downloads."""
