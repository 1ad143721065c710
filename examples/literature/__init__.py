"""A search over PubMed records: each public module but `routes` has an operation."""
