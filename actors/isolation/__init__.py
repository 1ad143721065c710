"""Functions in processes of their own, which can be ended whatever they do."""
