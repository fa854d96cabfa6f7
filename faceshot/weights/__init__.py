"""Which files a model needs, where they lie, how they come."""
