"""What landmarks look like to the model, per domain: kept, derived, edited, imported."""
