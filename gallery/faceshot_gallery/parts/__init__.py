"""What a character is made of: its traits, and each part drawn."""
