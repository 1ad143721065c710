"""Webhooks: a dispatcher delivers the callbacks that jobs and batches asked for."""
