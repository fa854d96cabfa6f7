"""The driver's sequence -> the character's sequence."""
