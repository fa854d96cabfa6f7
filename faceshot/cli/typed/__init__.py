"""What was typed: the options that commands share, and words made into values, paths and tasks."""
