"""Callbacks over the wire: a courier delivers what jobs and batches have to say."""
