"""The commands, one file each: know everything, are known by nobody."""
