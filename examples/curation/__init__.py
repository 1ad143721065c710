"""Clusters of genes and of diseases by their phenotypes: each public module has an operation."""
