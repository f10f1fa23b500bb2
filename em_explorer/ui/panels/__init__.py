"""Side panels that every tab shares."""
