"""The vocabulary: data classes, the 68 points of iBUG, crops and anchors, error measures."""
