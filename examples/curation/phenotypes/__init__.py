"""Clustering by phenotype; all but `findings` needs the packages of the `examples` extra."""
