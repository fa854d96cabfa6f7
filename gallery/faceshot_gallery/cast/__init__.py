"""Who is drawn: every kind of character, its relatives and its variety."""
